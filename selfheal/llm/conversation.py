"""Asking until the answer can be used: what was wrong with one goes back to the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from selfheal.errors import InvalidAnswer
from selfheal.llm.model import Answer, Message, Model, Question

T = TypeVar("T")

MAX_TRIES = 3
"""One question and two more with what was wrong (RP-2, PA-4, EV-4)."""


@dataclass(frozen=True, slots=True)
class Heard(Generic[T]):
    """What could be read from an answer, the answer, and what was wrong with those before it."""

    value: T
    answer: Answer
    faults: tuple[str, ...] = ()


def ask_until_read(
    model: Model, question: Question, read: Callable[[str], T], *, tries: int = MAX_TRIES
) -> Heard[T]:
    """The first answer that `read` takes; it raises InvalidAnswer for one that it does not.

    Each unusable answer is shown to the model with what is wrong and asked for again. Raises
    InvalidAnswer naming every fault when none of `tries` answers can be used, and at once where the
    question is too long.
    """
    faults: list[str] = []
    while len(faults) < tries:
        said = ""
        try:
            answer = model.ask(question)
            said = answer.text
            return Heard(read(said), answer, tuple(faults))
        except InvalidAnswer as fault:
            if fault.kind == "too_long":
                raise  # one more turn would only make it longer
            faults.append(str(fault))
            question = _asked_again(question, said, fault)
    told = "; ".join(f"{number}: {fault}" for number, fault in enumerate(faults, 1))
    raise InvalidAnswer("unusable", f"none of {tries} answers could be used ({told})")


def _asked_again(question: Question, said: str, fault: InvalidAnswer) -> Question:
    """The conversation with one more turn; an answer that never came has none to show."""
    turns = [Message("assistant", said)] if said else []
    wrong = Message(
        "user", f"That answer cannot be used: {fault.why}\nAnswer again, the whole of it."
    )
    return replace(question, messages=(*question.messages, *turns, wrong))
