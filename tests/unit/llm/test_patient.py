"""Pauses between questions, by a hand clock."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from selfheal.errors import ModelUnavailable
from selfheal.llm.model import Answer, Message, Question
from selfheal.llm.patient import Patient

QUESTION = Question(purpose="plan", messages=(Message("user", "a number?"),), prompt="number@1")


@dataclass
class Slow:
    """Takes so many seconds for each answer, by its own clock."""

    seconds: float
    now: float = 0.0
    pauses: list[float] = field(default_factory=list)
    deadlines: list[float | None] = field(default_factory=list)

    def ask(self, question: Question) -> Answer:
        self.deadlines.append(question.deadline_seconds)
        self.now += self.seconds
        return Answer(text="3", provider="script", model="script")

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def patient(model: Slow) -> Patient:
    return Patient(model, seconds=10, first_pause=1.0, sleep=model.sleep, clock=model.clock)


def test_each_pause_may_be_twice_as_long_as_the_one_before() -> None:
    model = Slow(0.0)
    asker = patient(model)

    for _ in range(3):
        asker.ask(QUESTION)

    assert len(model.pauses) == 2
    assert 0.5 <= model.pauses[0] <= 1.0
    assert 1.0 <= model.pauses[1] <= 2.0


def test_each_question_has_what_is_left_of_the_time() -> None:
    model = Slow(4.0)
    asker = patient(model)

    asker.ask(QUESTION)
    asker.ask(QUESTION)

    first, second = model.deadlines
    assert first == 10
    assert second is not None
    assert second <= 5.5


def test_nobody_is_asked_when_no_time_is_left() -> None:
    model = Slow(9.9)
    asker = patient(model)
    asker.ask(QUESTION)

    with pytest.raises(ModelUnavailable, match="within 10 s"):
        asker.ask(QUESTION)

    assert len(model.deadlines) == 1
