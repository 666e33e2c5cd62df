"""Asking until the answer can be used."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from selfheal.errors import InvalidAnswer, ModelUnavailable
from selfheal.llm.conversation import ask_until_read
from selfheal.llm.model import Answer, Message, Question

QUESTION = Question(purpose="plan", messages=(Message("user", "a number?"),), prompt="number@1")


@dataclass
class Scripted:
    """Says one thing after the other; an error is raised."""

    says: list[str | Exception]
    asked: list[Question] = field(default_factory=list)

    def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        said = self.says.pop(0)
        if isinstance(said, Exception):
            raise said
        return Answer(text=said, provider="script", model="script")


def number(text: str) -> int:
    if not text.isdigit():
        raise InvalidAnswer("rule", f"{text} is no number")
    return int(text)


def test_what_was_wrong_goes_back_with_the_answer() -> None:
    model = Scripted(["three", "3"])

    heard = ask_until_read(model, QUESTION, number)

    assert heard.value == 3
    assert heard.answer.text == "3"
    assert len(heard.faults) == 1
    assert [message.role for message in model.asked[1].messages] == ["user", "assistant", "user"]
    assert model.asked[1].messages[1].content == "three"
    assert "three is no number" in model.asked[1].messages[2].content


def test_an_answer_that_never_came_is_asked_for_again_without_a_turn_of_its_own() -> None:
    model = Scripted([InvalidAnswer("cut", "it ended in the middle"), "3"])

    heard = ask_until_read(model, QUESTION, number)

    assert heard.value == 3
    assert [message.role for message in model.asked[1].messages] == ["user", "user"]
    assert "it ended in the middle" in model.asked[1].messages[1].content


def test_after_the_last_try_every_fault_is_named() -> None:
    model = Scripted(["one", "two", "three", "4"])

    with pytest.raises(InvalidAnswer) as fault:
        ask_until_read(model, QUESTION, number)

    assert fault.value.kind == "unusable"
    assert all(word in str(fault.value) for word in ("one", "two", "three"))
    assert model.says == ["4"]


def test_a_model_that_is_away_is_not_asked_again() -> None:
    model = Scripted([ModelUnavailable("nobody answered"), "3"])

    with pytest.raises(ModelUnavailable):
        ask_until_read(model, QUESTION, number)

    assert model.says == ["3"]
