"""The Planner Arm's endpoints, as somebody with an HTTP client sees them."""

from __future__ import annotations

from uuid import UUID

import pytest

from selfheal.contracts.decomposition import CapabilitiesResponse, PlanResponse
from tests.integration.serving import SHOP, Service

GOAL = {"goal": "Add a retry"}


def test_a_goal_becomes_a_plan(service: Service) -> None:
    with service.http() as http:
        answer = http.post("/plan", json={**GOAL, "constraints": ["no new library"]})

    assert answer.status_code == 200
    made = PlanResponse.from_json(answer.content)
    assert [task.step for task in made.plan] == [1, 2, 3, 4]
    assert "without a model" in made.rationale


def test_a_wrong_field_is_refused_by_its_name(service: Service) -> None:
    wrong: list[tuple[object, str]] = [
        ({}, "goal"),
        ({"goal": ""}, "goal"),
        ({"goal": 7}, "goal"),
        ({"goal": "x", "constraints": "none"}, "constraints"),
        ({"goal": "x", "constraints": [""]}, "constraints.0"),
        ({"goal": "x", "request_id": "seven"}, "request_id"),
        ({"goal": "x", "arm": "coder"}, "arm"),
        ({"goal": "x", "context": {"text": "y" * 200_000}}, "request"),
        ([], "request"),
    ]

    with service.http() as http:
        answers = [http.post("/plan", json=body) for body, _ in wrong]

    assert [answer.status_code for answer in answers] == [422] * len(wrong)
    assert {answer.json()["error"] for answer in answers} == {"InvalidRequest"}
    assert [answer.json()["field"] for answer in answers] == [field for _, field in wrong]


def test_odd_bytes_are_no_defect_of_the_service(service: Service) -> None:
    odd = {
        b"{": 422,
        b'{"goal": "\x80"}': 422,
        b'{"goal": "x", "context": {"n": NaN}}': 200,
        b'{"goal": "\\ud800"}': 422,
        b'{"goal": "x", "\\ud800": 1}': 422,
        b'{"goal": "x", "context": {"k": "\\ud800"}}': 422,
        b'{"goal": "x", "context": {"deep": ' + b"[" * 5_000 + b"]" * 5_000 + b"}}": 422,
    }

    with service.http() as http:
        headers = {"Content-Type": "application/json"}
        answers = {body: http.post("/plan", content=body, headers=headers) for body in odd}

    assert {body: answer.status_code for body, answer in answers.items()} == odd
    refused = [answer.json() for answer in answers.values() if answer.status_code == 422]
    assert {problem["error"] for problem in refused} == {"InvalidRequest"}
    assert all(problem["field"] and problem["expected"] for problem in refused)


def test_capabilities_are_measured_not_typed_in(service: Service) -> None:
    with service.http() as http:
        before = CapabilitiesResponse.from_json(http.get("/capabilities").content)
        http.post("/plan", json=GOAL)
        after = CapabilitiesResponse.from_json(http.get("/capabilities").content)

    assert before.arm_id == "planner"
    assert (before.average_latency_ms, before.success_rate) == (None, None)
    assert after.average_latency_ms is not None
    assert after.success_rate == 1.0


def test_a_submitter_spends_what_came_with_its_own_token_only(service: Service) -> None:
    others = service.has()

    with service.http(service.token("ci", "submitter")) as http:
        own = http.post("/change-requests", json={**SHOP, "description": "mine"}).json()["id"]
        asked = (own, str(others), str(UUID(int=7)))
        answers = [http.post("/plan", json={**GOAL, "request_id": id}) for id in asked]
    with service.http(service.token("boss", "operator")) as http:
        for_others = http.post("/plan", json={**GOAL, "request_id": str(others)})

    assert [answer.status_code for answer in (*answers, for_others)] == [200, 403, 404, 200]
    assert [answer.json()["error"] for answer in answers[1:]] == ["RoleRefused", "UnknownId"]


@pytest.mark.parametrize(("role", "may"), [("reader", [403, 200]), ("submitter", [200, 200])])
def test_planning_spends_and_looking_does_not(service: Service, role, may: list[int]) -> None:
    with service.http(service.token("somebody", role)) as http:
        answers = [http.post("/plan", json=GOAL), http.get("/capabilities")]

    assert [answer.status_code for answer in answers] == may
