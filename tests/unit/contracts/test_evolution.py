"""CON-9: values that are frozen, steps that fit together, and one schema for every model."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.evolution import (
    CommitMetric,
    CommitPlanningContext,
    PlanningAgentRequest,
    PlanningPlan,
    PlanStep,
)
from selfheal.contracts.planning_answer import PLANNING_OUTPUT_SCHEMA, PlanningAnswer
from selfheal.contracts.schema import NAMES, schema_of
from selfheal.llm.form import strict_schema
from tests.integration.planning.scripted import ANSWER

BASE = CommitPlanningContext(commit_hash="a" * 40)


def step(step_id: str, *dependencies: str, files: tuple[str, ...] = ("a.py",)) -> PlanStep:
    return PlanStep(
        step_id=step_id, title="do", intent="it", files=files, dependencies=dependencies
    )


def test_lists_become_tuples_and_plain_lists_again() -> None:
    given = step("one").as_dict() | {"actions": ["first", "second"], "files": ["a.py"]}

    read = PlanStep.model_validate(given)
    plan = PlanningPlan(summary="s", steps=[read], risks=["r"])
    asked = PlanningAgentRequest(base=BASE, inspirations=[BASE], goal="g", constraints=["c"])

    assert read.actions == ("first", "second")
    assert read.as_dict() == given
    assert (plan.steps, plan.risks) == ((read,), ("r",))
    assert plan.as_dict()["steps"] == [given]
    assert plan.as_dict()["risks"] == ["r"]
    assert "schema_version" not in plan.as_dict()
    assert PlanningPlan(**plan.as_dict()) == plan
    assert (asked.inspirations, asked.constraints) == ((BASE,), ("c",))


def test_nothing_can_be_changed_afterwards() -> None:
    metric = CommitMetric(name="tests_passed", value=3)

    with pytest.raises(ValidationError, match="frozen"):
        metric.value = 4


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((step("a"), step("a")), "found twice: a"),
        ((step("a", "b"),), "step a depends on b, which is no step"),
        ((step("a", "b"), step("b", "a")), "in a cycle: "),
        ((step("a", "a"),), "in a cycle: a -> a"),
    ],
)
def test_steps_that_do_not_fit_together_are_refused(steps: tuple[PlanStep, ...], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        PlanningPlan(summary="s", steps=steps)


@pytest.mark.parametrize("path", ["", ".", "/etc/passwd", "../a.py", "a/../../b", ".git/config"])
def test_a_step_stays_inside_the_repository(path: str) -> None:
    with pytest.raises(ValidationError, match="inside it, found"):
        step("a", files=(path,))


def test_a_path_is_kept_in_its_shortest_form() -> None:
    assert step("a", files=("./src//shop/cart.py",)).files == ("src/shop/cart.py",)


def test_steps_come_in_an_order_that_their_dependencies_allow() -> None:
    plan = PlanningPlan(summary="s", steps=(step("c", "b"), step("a"), step("b", "a"), step("d")))

    assert [one.step_id for one in plan.in_order] == ["a", "b", "c", "d"]


def test_the_schema_is_closed_and_asks_for_everything() -> None:
    Draft202012Validator.check_schema(PLANNING_OUTPUT_SCHEMA)
    objects = list(_objects(PLANNING_OUTPUT_SCHEMA))

    assert len(objects) == 2
    for one in objects:
        assert one["additionalProperties"] is False
        assert one["required"] == list(one["properties"])
    assert list(PLANNING_OUTPUT_SCHEMA["properties"]) == [
        *("plan_summary", "rationale", "focus_metrics", "guardrails", "risks", "validation"),
        *("steps", "handoff_notes", "fallback_plan"),
    ]


def test_the_schema_and_the_form_that_answers_are_read_by_are_one() -> None:
    of_form = strict_schema(PlanningAnswer)

    assert _inlined(of_form, of_form["$defs"]) == PLANNING_OUTPUT_SCHEMA
    Draft202012Validator(PLANNING_OUTPUT_SCHEMA).validate(ANSWER)


def test_an_answer_is_the_plan_that_it_says() -> None:
    plan = PlanningAnswer.model_validate(ANSWER).plan()

    assert plan.as_dict() == {
        ("summary" if name == "plan_summary" else name): value for name, value in ANSWER.items()
    }


def test_the_contracts_are_exported_by_name() -> None:
    wanted = {"PlanningAgentRequest", "PlanningPlan", "PlanningAgentResponse", "PlanningAnswer"}

    assert wanted <= set(NAMES)
    assert schema_of("PlanningAnswer") == PLANNING_OUTPUT_SCHEMA


def test_a_change_request_carries_a_plan_and_refuses_one_that_is_none() -> None:
    plan = PlanningPlan(summary="s", steps=(step("a"),))
    fields: dict[str, Any] = {"repo": "https://example.org/shop", "description": "evolve"}

    carried = ChangeRequest(**fields, context={"evolution": plan.model_dump(mode="json")})

    assert ChangeRequest.from_json(carried.to_json()).evolution == plan
    assert carried.is_planned
    assert not ChangeRequest(**fields).is_planned
    assert carried.fingerprint != ChangeRequest(**fields).fingerprint
    with pytest.raises(ValidationError, match=r"evolution\.steps"):
        ChangeRequest(**fields, context={"evolution": {"summary": "s"}})
    recipe = {"kind": "remove_unused_imports"}
    with pytest.raises(ValidationError, match="two requests"):
        ChangeRequest(**fields, context={**carried.context, "recipe": recipe})


def _objects(node: Any):
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        for value in node.values():
            yield from _objects(value)


def _inlined(node: Any, defs: dict[str, Any]) -> Any:
    """The schema with its parts where they are used, and without words for people."""
    if isinstance(node, list):
        return [_inlined(one, defs) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(defs[node["$ref"].rpartition("/")[2]], defs)
    return {
        key: _inlined(value, defs)
        for key, value in node.items()
        if key not in ("$defs", "description") or isinstance(value, bool)
    }
