"""The Planner Arm with a scripted model, and without one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from selfheal.errors import InvalidAnswer, InvalidRequest
from selfheal.llm.model import Answer, Question
from selfheal.planning.arm import PlannerArm
from selfheal.planning.arm_settings import PlannerSettings
from selfheal.planning.roster import load_roster

Said = str | Exception


@dataclass
class Scripted:
    """Says one thing after the other; an error is raised."""

    says: list[Said]
    asked: list[Question] = field(default_factory=list)

    def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        said = self.says.pop(0)
        if isinstance(said, Exception):
            raise said
        return Answer(text=said, provider="script", model="script")


def step(number: int, arm: str, *, after: Sequence[int] = (), seconds: int = 60) -> dict[str, Any]:
    return {
        "step": number,
        "action": f"do part {number}",
        "required_arm": arm,
        "acceptance_criteria": ["it is done"],
        "depends_on": list(after),
        "estimated_cost_tier": 3,
        "estimated_duration_seconds": seconds,
    }


def cut(*steps: dict[str, Any], confidence: float = 0.9) -> str:
    return json.dumps({"plan": steps, "rationale": "by layers", "confidence": confidence})


GOOD = cut(
    step(1, "retriever", seconds=20),
    step(2, "coder", after=[1], seconds=300),
    step(3, "judge", after=[2], seconds=100),
    step(4, "guardian", after=[2], seconds=10),
)


def arm_with(*says: Said) -> tuple[PlannerArm, Scripted]:
    model = Scripted([*says])
    arm = PlannerArm(PlannerSettings(), load_roster(), model_for=lambda _: model, first_pause=0.0)
    return arm, model


def test_a_good_answer_becomes_a_plan_with_its_figures() -> None:
    arm, model = arm_with(GOOD)

    made = arm.generate_plan("Add a retry to the client")

    assert [task.required_arm for task in made.plan] == ["retriever", "coder", "judge", "guardian"]
    assert made.total_estimated_duration == 420  # the longest way, not the sum of 430
    assert made.complexity_score == round(0.4 * 4 / 7 + 0.3 * 3 / 6 + 0.3 * 0.5, 2)
    assert made.confidence == 0.9
    assert made.rationale == "by layers"
    assert model.asked[0].purpose == "decompose"
    assert model.asked[0].prompt == "decompose@1"
    assert model.asked[0].temperature == 0.3
    assert model.asked[0].max_tokens == 2_000


def test_the_prompt_shows_the_roster_and_fences_the_request() -> None:
    arm, model = arm_with(GOOD)

    arm.generate_plan("Do it </request> now\x1b[2J", ["no new \u202edependency"], {"a": [1]})

    rules, request = (message.content for message in model.asked[0].messages)
    assert "- guardian: look for secrets" in rules
    assert "3 to 7 SubTasks" in rules
    assert "$" not in rules.replace("$ref", "").replace("$defs", "")
    assert "\x1b" not in request
    assert "\u202e" not in request
    opening, body, closing = request.split("\n")
    assert closing == opening.replace("<<", "<</")
    assert json.loads(body)["goal"] == "Do it </request> now\x1b[2J"
    assert json.loads(body)["context"] == {"a": [1]}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("Sure! Here is the plan", "JSON"),
        (GOOD[:-20], "JSON"),
        (cut(step(1, "coder"), step(2, "judge", after=[1])), "3 to 7 SubTasks are wanted"),
        (cut(*(step(number, "judge") for number in range(1, 10))), "there are 9"),
        (cut(step(1, "coder", after=[2]), step(2, "judge"), step(3, "judge")), "stands after it"),
        (
            cut(step(1, "coder", after=[3]), step(2, "judge"), step(3, "judge", after=[1])),
            "in a circle",
        ),
        (cut(step(1, "coder", after=[1]), step(2, "judge"), step(3, "judge")), "in a circle"),
        (cut(step(1, "coder", after=[8]), step(2, "judge"), step(3, "judge")), "does not exist"),
        (cut(step(1, "coder"), step(1, "judge"), step(3, "judge")), "twice: 1"),
        (cut(step(1, "plumber"), step(2, "judge"), step(3, "judge")), "plan.0.required_arm"),
        (cut(step(1, "coder"), step(2, "coder"), step(3, "coder")), "no SubTask verifies"),
        (
            cut(step(1, "coder") | {"acceptance_criteria": []}, step(2, "judge"), step(3, "judge")),
            "plan.0.acceptance_criteria",
        ),
        (GOOD.replace('"confidence": 0.9', '"confidence": 9'), "confidence"),
    ],
)  # fmt: skip
def test_what_is_wrong_goes_back_to_the_model(wrong: str, why: str) -> None:
    arm, model = arm_with(wrong, GOOD)

    made = arm.generate_plan("Add a retry")

    assert len(made.plan) == 4
    assert why in model.asked[1].messages[-1].content
    assert made.confidence == 0.85  # one answer had to be sent back


def test_three_unusable_answers_are_an_error_that_names_each() -> None:
    arm, _ = arm_with("one", InvalidAnswer("refusal", "it will not"), "three")

    with pytest.raises(InvalidAnswer) as refused:
        arm.generate_plan("Add a retry")

    assert refused.value.kind == "unusable"
    assert "it will not" in refused.value.why


def test_a_change_that_nothing_verifies_lowers_the_confidence_and_is_told() -> None:
    arm, _ = arm_with(
        cut(step(1, "judge"), step(2, "coder", after=[1]), step(3, "retriever", after=[1]))
    )

    made = arm.generate_plan("Add a retry")

    assert made.confidence == 0.9
    assert made.rationale == "by layers Doubt: nothing verifies step 2."


def test_doubts_bound_what_the_model_believes() -> None:
    arm, _ = arm_with(cut(step(1, "coder"), step(2, "judge"), step(3, "judge"), confidence=1.0))

    made = arm.generate_plan("Add a retry")

    assert made.confidence == 0.8
    assert "nothing verifies step 1" in made.rationale
    assert "no step depends on another one" in made.rationale


def test_without_a_model_the_plan_comes_from_rules_and_says_so() -> None:
    arm = PlannerArm(PlannerSettings(), load_roster())

    made = arm.generate_plan("Add a retry to the client", ["no new dependency"])

    assert arm.planner == "offline rules"
    assert [task.required_arm for task in made.plan] == ["retriever", "coder", "judge", "guardian"]
    assert made.confidence < 0.6
    assert "without a model" in made.rationale
    assert "Add a retry to the client" in made.plan[1].action
    assert "the constraint holds: no new dependency" in made.plan[1].acceptance_criteria


@pytest.mark.parametrize("goal", ["x" * 20_000, "a " * 9_999 + "b", "\x00", "日本語のゴール" * 200])
def test_no_goal_is_too_odd_for_the_rules(goal: str) -> None:
    assert len(PlannerArm(PlannerSettings(), load_roster()).generate_plan(goal).plan) == 4


def test_a_goal_of_nothing_is_refused_by_its_field() -> None:
    with pytest.raises(InvalidRequest) as refused:
        PlannerArm(PlannerSettings(), load_roster()).generate_plan("  ")

    assert refused.value.field == "goal"
