"""Localisation put in order by a model: one question about the best that was found without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pydantic import Field

from selfheal.contracts.document import Value
from selfheal.errors import InvalidAnswer
from selfheal.llm.conversation import ask_until_read
from selfheal.llm.form import read_form
from selfheal.llm.model import Message, Model, Question
from selfheal.llm.prompt import load_prompt
from selfheal.llm.untrusted import untrusted
from selfheal.retrieval.locate import Located, LocatedFile, LocatedFunction

CANDIDATES: Final = 20
"""Files, and functions, that a model is shown."""
CHOSEN: Final = 10
MOST_CHARACTERS: Final = 12_000
"""Of the text: a model is shown its first part, which says what it is about."""


class Order(Value):
    """The likeliest places by their numbers, best first."""

    files: tuple[int, ...] = Field(max_length=CANDIDATES)
    functions: tuple[int, ...] = Field(max_length=CANDIDATES)


def reranked(found: Located, text: str, model: Model) -> Located:
    """The same places; those that the model names come first, in its order.

    Scores stay those of the search without a model. One call, and up to two more where an answer
    cannot be used. Raises what `model.ask` raises, and InvalidAnswer.
    """
    files, functions = found.files[:CANDIDATES], found.functions[:CANDIDATES]
    if not files:
        return found
    question = Question(
        purpose="rerank",
        messages=_messages(text, files, functions),
        prompt=load_prompt("rerank").name,
        form=Order,
    )

    def read(answer: str) -> Order:
        order = read_form(Order, answer)
        _check("files", order.files, len(files))
        _check("functions", order.functions, len(functions))
        return order

    order = ask_until_read(model, question, read).value
    by_file = _order(order.files, len(found.files))
    by_function = _order(order.functions, len(found.functions))
    return replace(
        found,
        files=tuple(found.files[place] for place in by_file),
        functions=tuple(found.functions[place] for place in by_function),
    )


def _messages(
    text: str, files: Sequence[LocatedFile], functions: Sequence[LocatedFunction]
) -> tuple[Message, ...]:
    asked = load_prompt("rerank_task").render(
        text=untrusted(text[:MOST_CHARACTERS], "text"),
        files=untrusted(_numbered([one.path for one in files]), "files"),
        functions=untrusted(
            _numbered([f"{one.path} {one.qualname}" for one in functions]), "functions"
        ),
    )
    return (Message("system", load_prompt("rerank").render(most=CHOSEN)), Message("user", asked))


def _numbered(lines: Sequence[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1)) or "(none)"


def _check(what: str, numbers: Sequence[int], most: int) -> None:
    if wrong := sorted({number for number in numbers if not 1 <= number <= most}):
        raise InvalidAnswer("schema", f"{what}: expected numbers from 1 to {most}, found {wrong}")


def _order(numbers: Sequence[int], count: int) -> list[int]:
    """Indices of `count` places: the chosen ones, then the rest as they were."""
    return list(dict.fromkeys([*(number - 1 for number in numbers), *range(count)]))
