"""A script: steps with a condition each, which answer or fail, in the order they are asked for.

The same values are built in Python and read from a file (docs/testing-with-models.md).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, SerializeAsAny, model_validator

from selfheal.contracts.document import Value
from selfheal.testing.chat import ChatRequest, Said, text_of
from selfheal.testing.faults import FAULTS, Fault
from selfheal.testing.source import Reply


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _fault(value: Any) -> Any:
    """A fault by its name, or by its name and its parameters."""
    if not isinstance(value, str | Mapping):
        return value
    rest = {"name": value} if isinstance(value, str) else dict(value)
    name = rest.pop("name", None)
    if name not in FAULTS:
        raise ValueError(f"there is no fault {name!r}, but {', '.join(sorted(FAULTS))}")
    return FAULTS[name].model_validate(rest)


Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]


class When(Value):
    """What has to hold for a step to answer; one that says nothing answers every request.

    `contains` are texts that must stand in any turn, `system` and `user` in one of that role,
    `last` in the last one. `form` is the name of the JSON schema that is asked for.
    """

    purpose: str | None = None
    model: str | None = None
    form: str | None = None
    contains: Texts = ()
    system: Texts = ()
    user: Texts = ()
    last: Texts = ()

    def misfits(self, asked: ChatRequest) -> tuple[str, ...]:
        """What does not hold; nothing if the step may answer."""
        return (*self._wrong_names(asked), *self._missing_texts(asked))

    def _wrong_names(self, asked: ChatRequest) -> Iterator[str]:
        found = {
            "purpose": asked.purpose,
            "model": asked.model,
            "form": asked.form.name if asked.form else "",
        }
        for key, was in found.items():
            wanted = getattr(self, key)
            if wanted is not None and wanted != was:
                yield f"{key} {wanted!r} was wanted, {was!r} came"

    def _missing_texts(self, asked: ChatRequest) -> Iterator[str]:
        for place in ("contains", "system", "user", "last"):
            said = "\n".join(_turns(asked, place))
            where = "no turn" if place == "contains" else f"no {place} turn"
            yield from (
                f"{where} says {text!r}" for text in getattr(self, place) if text not in said
            )


Answer = JsonValue | Callable[[ChatRequest], JsonValue | Said]


class Step(Value):
    """What is said, or done wrong, when its condition fits. JSON is said as its text.

    In Python `answer` may be a function of the request. `times` is how often it answers.
    """

    name: str = ""
    when: When = When()
    answer: Answer = None
    fault: Annotated[SerializeAsAny[Fault] | None, BeforeValidator(_fault)] = None
    times: Annotated[int, Field(ge=1)] | Literal["any"] = 1
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.answer is None and self.fault is None:
            raise ValueError("a step needs an answer or a fault")
        if self.answer is None and self.fault is not None and self.fault.needs_answer:
            raise ValueError(f"the fault {self.fault.name} needs an answer that it spoils")
        return self

    def said(self, asked: ChatRequest) -> Said | None:
        """The answer to this request; None where the step only fails."""
        if self.answer is None:
            return None
        said = self.answer(asked) if callable(self.answer) else self.answer
        if isinstance(said, Said):
            return said
        return Said(
            text=text_of(said),
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
        )


class Script(Value):
    """Steps, and what the endpoint says of itself.

    `embeddings` is the dimension of the hashed vectors that it gives; without it, it gives none.
    """

    steps: tuple[Step, ...] = ()
    models: tuple[str, ...] = ("replay",)
    embeddings: Annotated[int, Field(ge=8, le=4096)] | None = None


class ScriptedAnswers:
    """A script as it is played: the first step that fits and is not used up answers."""

    def __init__(self, script: Script) -> None:
        self._steps = dict(enumerate(script.steps, 1))
        self._used: Counter[int] = Counter()
        self._counting = threading.Lock()

    def take(self, asked: ChatRequest) -> Reply | None:
        """The answer of the next step whose condition fits."""
        number = self._next(asked)
        if number is None:
            return None
        step = self._steps[number]
        return Reply(origin=self._title(number), said=step.said(asked), fault=step.fault)

    def nearest(self, asked: ChatRequest) -> str | None:
        """The step that lacks least, with what it lacks."""
        lacks = {number: self._lacks(number, asked) for number in self._steps}
        if not lacks:
            return None
        number = min(lacks, key=lambda number: len(lacks[number]))
        return f"nearest {self._title(number)}: {'; '.join(lacks[number])}"

    def unused(self) -> tuple[str, ...]:
        """Steps that were not used as often as they were to be."""
        return tuple(
            f"{self._title(number)} was used {self._used[number]} of {step.times} times"
            for number, step in self._steps.items()
            if self._used[number] < (1 if step.times == "any" else step.times)
        )

    def _next(self, asked: ChatRequest) -> int | None:
        """Counted as used before it is played: its answer may be a function that takes its time."""
        with self._counting:
            for number, step in self._steps.items():
                if not self._is_used_up(number) and not step.when.misfits(asked):
                    self._used[number] += 1
                    return number
        return None

    def _lacks(self, number: int, asked: ChatRequest) -> tuple[str, ...]:
        used_up = (f"it is used up ({self._used[number]})",) if self._is_used_up(number) else ()
        return (*self._steps[number].when.misfits(asked), *used_up)

    def _is_used_up(self, number: int) -> bool:
        times = self._steps[number].times
        return times != "any" and self._used[number] >= times

    def _title(self, number: int) -> str:
        name = self._steps[number].name
        return f"step {number} ({name})" if name else f"step {number}"


def _turns(asked: ChatRequest, place: str) -> Iterator[str]:
    turns = asked.turns[-1:] if place == "last" else asked.turns
    return (turn.text for turn in turns if place in ("contains", "last", turn.role))
