"""CON-8: what is cut into SubTasks, and what must hold of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from selfheal.contracts.decomposition import (
    ARMS,
    CapabilitiesResponse,
    HealthResponse,
    PlanRequest,
    PlanResponse,
    SubTask,
)

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=30)


@st.composite
def _responses(draw: st.DrawFn) -> PlanResponse:
    numbers = draw(st.lists(st.integers(1, 50), min_size=1, max_size=7, unique=True))
    tasks = tuple(
        draw(
            st.builds(
                SubTask,
                step=st.just(step),
                action=_TEXT,
                required_arm=st.sampled_from(ARMS),
                acceptance_criteria=st.lists(_TEXT, min_size=1, max_size=3).map(tuple),
                depends_on=st.lists(st.sampled_from(numbers[:place]), max_size=2).map(tuple)
                if place
                else st.just(()),
                estimated_cost_tier=st.integers(1, 5),
                estimated_duration_seconds=st.integers(1, 3_600),
            )
        )
        for place, step in enumerate(numbers)
    )
    return PlanResponse(
        plan=tasks,
        rationale=draw(_TEXT),
        confidence=draw(st.floats(0, 1)),
        total_estimated_duration=draw(st.integers(1, 10_000)),
        complexity_score=draw(st.floats(0, 1)),
    )


def subtask(**wrong: Any) -> dict[str, Any]:
    good = {
        "step": 1,
        "action": "look at it",
        "required_arm": "retriever",
        "acceptance_criteria": ["the place is named"],
        "depends_on": [],
        "estimated_cost_tier": 1,
        "estimated_duration_seconds": 10,
    }
    return good | wrong


def response(*tasks: dict[str, Any]) -> dict[str, Any]:
    return {
        "plan": tasks,
        "rationale": "why",
        "confidence": 0.5,
        "total_estimated_duration": 10,
        "complexity_score": 0.1,
    }


@settings(max_examples=50)
@given(_responses())
def test_a_plan_response_survives_the_wire(answer: PlanResponse) -> None:
    assert PlanResponse.from_json(answer.to_json()) == answer


@settings(max_examples=50)
@given(st.builds(PlanRequest, goal=_TEXT, constraints=st.lists(_TEXT, max_size=3).map(tuple)))
def test_a_plan_request_survives_the_wire(request_: PlanRequest) -> None:
    assert PlanRequest.from_json(request_.to_json()) == request_


def test_health_and_capabilities_survive_the_wire() -> None:
    health = HealthResponse(status="ok", version="1", model="rules", timestamp=datetime.now(UTC))
    able = CapabilitiesResponse(arm_id="planner", capabilities=("cuts goals",), cost_tier=2)

    assert HealthResponse.from_json(health.to_json()) == health
    assert CapabilitiesResponse.from_json(able.to_json()) == able
    assert json.loads(able.to_json())["success_rate"] is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"goal": ""}, "goal"),
        ({"goal": " \n\t"}, "goal"),
        ({"goal": "x" * 20_001}, "goal"),
        ({"constraints": [""]}, "constraints"),
        ({"context": []}, "context"),
        ({"request_id": "7"}, "request_id"),
        ({"arm": "coder"}, "arm"),
    ],
)
def test_a_wrong_field_of_a_request_is_named(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        PlanRequest.model_validate({"goal": "y"} | wrong)

    assert refused.value.errors()[0]["loc"][0] == field


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"step": 0}, "step"),
        ({"required_arm": "plumber"}, "required_arm"),
        ({"acceptance_criteria": []}, "acceptance_criteria"),
        ({"estimated_cost_tier": 6}, "estimated_cost_tier"),
        ({"estimated_duration_seconds": 0}, "estimated_duration_seconds"),
        ({"command": "rm -r"}, "command"),
    ],
)
def test_a_wrong_field_of_a_subtask_is_named(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        SubTask.model_validate(subtask(**wrong))

    assert refused.value.errors()[0]["loc"][0] == field


@pytest.mark.parametrize(
    ("tasks", "why"),
    [
        ((subtask(), subtask()), "step 1 stands there twice"),
        ((subtask(depends_on=[2]), subtask(step=2)), "step 1 depends on 2"),
        ((subtask(depends_on=[1]),), "step 1 depends on 1"),
        ((subtask(depends_on=[9]),), "step 1 depends on 9"),
    ],
)
def test_steps_are_unique_and_look_back_only(tasks: tuple[dict[str, Any], ...], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        PlanResponse.model_validate(response(*tasks))
