"""Which step of a script answers."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from selfheal.testing.chat import Said
from selfheal.testing.faults import Cut, Drop
from selfheal.testing.script import Script, ScriptedAnswers, Step, When
from tests.unit.testing.asking import asked, form


def played(*steps: Step) -> ScriptedAnswers:
    return ScriptedAnswers(Script(steps=steps))


def texts(answers: ScriptedAnswers, *questions: str) -> list[str | None]:
    replies = [answers.take(asked(question)) for question in questions]
    return [reply.said.text if reply and reply.said else None for reply in replies]


def test_steps_answer_one_after_the_other() -> None:
    answers = played(Step(answer="one"), Step(answer="two", times=2))

    assert texts(answers, "a", "b", "c", "d") == ["one", "two", "two", None]


def test_a_step_waits_for_the_request_that_it_is_for() -> None:
    answers = played(Step(answer="four", when=When(user="2 + 2")), Step(answer="any"))

    assert texts(answers, "hello", "2 + 2?", "hello") == ["any", "four", None]


def test_a_step_may_answer_as_often_as_it_is_asked() -> None:
    answers = played(Step(answer="yes", times="any"))

    assert texts(answers, "a", "b", "c") == ["yes", "yes", "yes"]


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        (When(), True),
        (When(purpose="draft", model="m", form="number"), True),
        (When(purpose="plan"), False),
        (When(form="plan"), False),
        (When(system="brief", user=("first", "second")), True),
        (When(system="first"), False),
        (When(contains=("brief", "first")), True),
        (When(last="second"), True),
        (When(last="first"), False),
    ],
)
def test_all_that_a_condition_names_has_to_hold(when: When, fits: bool) -> None:
    request = asked("first", "second", system="be brief", purpose="draft", response_format=form())

    assert (not when.misfits(request)) is fits


def test_an_answer_may_be_a_function_of_the_request() -> None:
    answers = played(
        Step(answer=lambda request: request.turns[-1].text.upper()),
        Step(answer=lambda _: Said(text="cut he", finish="length")),
    )

    first, second = answers.take(asked("loud")), answers.take(asked("long"))

    assert first is not None
    assert first.said == Said(text="LOUD")
    assert second is not None
    assert second.said == Said(text="cut he", finish="length")


def test_json_is_said_as_its_text() -> None:
    assert texts(played(Step(answer={"naïve": [1, None]})), "a") == ['{"naïve": [1, null]}']


def test_the_nearest_step_is_named_with_what_it_lacks() -> None:
    answers = played(
        Step(name="plan", answer="a", when=When(purpose="plan", user="shop")),
        Step(name="draft", answer="b", when=When(purpose="draft", user="cart")),
    )

    told = answers.nearest(asked("mend the shop", purpose="draft"))

    assert told == "nearest step 1 (plan): purpose 'plan' was wanted, 'draft' came"


def test_a_step_that_is_used_up_says_so() -> None:
    answers = played(Step(answer="once"))
    answers.take(asked("a"))

    assert answers.nearest(asked("b")) == "nearest step 1: it is used up (1)"


def test_what_was_not_used_is_known() -> None:
    answers = played(
        Step(answer="a"), Step(answer="b", times=3), Step(name="last", answer="c", times="any")
    )
    texts(answers, "1", "2")

    assert answers.unused() == (
        "step 2 was used 1 of 3 times",
        "step 3 (last) was used 0 of any times",
    )


def test_a_step_without_an_answer_or_a_fault_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs an answer or a fault"):
        Step(when=When(user="a"))


def test_a_fault_that_spoils_an_answer_needs_one() -> None:
    assert Step(fault=Drop()).fault == Drop()
    with pytest.raises(ValidationError, match="cut needs an answer"):
        Step(fault=Cut())
