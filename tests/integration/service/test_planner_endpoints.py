"""The Planner Arm's endpoints, as somebody with an HTTP client sees them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from planner_serving import serving
from structlog.testing import capture_logs

from selfheal.celery import CelerySender, FarmApp
from selfheal.contracts.decomposition import (
    CapabilitiesResponse,
    HealthResponse,
    PlanRequest,
    PlanResponse,
)
from selfheal.embedded.provider import Servers
from selfheal.errors import StoreUnavailable
from selfheal.flows.connect import open_farm
from selfheal.flows.readiness import Readiness, readiness_of
from selfheal.planning.arm import PlannerArm
from selfheal.planning.arm_settings import PlannerSettings
from selfheal.planning.roster import load_roster
from selfheal.service.planner import let_pages_in, router
from selfheal.settings import Settings


def arm_of(**settings: Any) -> PlannerArm:
    return PlannerArm(PlannerSettings(**settings), load_roster())


def app_of(arm: PlannerArm, readiness: Readiness | None = None) -> FastAPI:
    app = FastAPI()
    app.include_router(router(arm, readiness or {}, redact=lambda text: text.replace("pw", "***")))
    let_pages_in(app, arm.settings)
    return app


@pytest.fixture
def service() -> Iterator[httpx.Client]:
    with serving(app_of(arm_of())) as url, httpx.Client(base_url=url) as client:
        yield client


def test_a_goal_becomes_a_plan(service: httpx.Client) -> None:
    answer = service.post("/plan", json={"goal": "Add a retry", "constraints": ["no new library"]})

    assert answer.status_code == 200
    made = PlanResponse.from_json(answer.content)
    assert [task.step for task in made.plan] == [1, 2, 3, 4]
    assert "without a model" in made.rationale


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "goal"),
        ({"goal": ""}, "goal"),
        ({"goal": 7}, "goal"),
        ({"goal": "x", "constraints": "none"}, "constraints"),
        ({"goal": "x", "constraints": [""]}, "constraints.0"),
        ({"goal": "x", "request_id": "seven"}, "request_id"),
        ({"goal": "x", "arm": "coder"}, "arm"),
        ({"goal": "x", "context": {"text": "y" * 200_000}}, "request"),
        ([], "request"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(
    service: httpx.Client, body: object, field: str
) -> None:
    answer = service.post("/plan", json=body)

    assert answer.status_code == 422
    assert answer.json()["error"] == "InvalidRequest"
    assert answer.json()["field"] == field
    assert answer.json()["message"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b'{"goal": "\x80"}', 422),
        (b'{"goal": "x", "context": {"n": NaN}}', 200),
        (b'{"goal": "\\ud800"}', 422),
        (b'{"goal": "x", "\\ud800": 1}', 422),
        (b'{"goal": "x", "context": {"k": "\\ud800"}}', 422),
        (b'{"goal": "x", "context": {"deep": ' + b"[" * 5_000 + b"]" * 5_000 + b"}}", 422),
    ],
)
def test_odd_bytes_are_no_error_of_the_service(
    service: httpx.Client, body: bytes, status: int
) -> None:
    answer = service.post("/plan", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == status


def test_health_says_who_plans(service: httpx.Client) -> None:
    health = HealthResponse.from_json(service.get("/health").content)

    assert health.status == "ok"
    assert health.model == "offline rules"


def test_capabilities_are_measured_not_typed_in(service: httpx.Client) -> None:
    before = CapabilitiesResponse.from_json(service.get("/capabilities").content)
    service.post("/plan", json={"goal": "Add a retry"})
    after = CapabilitiesResponse.from_json(service.get("/capabilities").content)

    assert before.arm_id == "planner"
    assert (before.average_latency_ms, before.success_rate) == (None, None)
    assert after.average_latency_ms is not None
    assert after.success_rate == 1.0


def test_metrics_count_plans_and_requests(service: httpx.Client) -> None:
    service.post("/plan", json={"goal": "Add a retry"})
    service.post("/plan", json={})

    answer = service.get("/metrics")

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'planner_plans_total{result="planned"} 1.0' in answer.text
    assert 'planner_http_requests_total{path="/plan",status="422"} 1.0' in answer.text
    assert "planner_plan_seconds_count 1.0" in answer.text


def test_each_request_is_a_log_line_with_its_status(service: httpx.Client) -> None:
    with capture_logs() as lines:
        service.post("/plan", json={"goal": "the goal is not logged"})
        service.post("/plan", json={})

    told = [(line["action"], line["path"], line["status"], line["service"]) for line in lines]
    assert told == [
        ("http.request", "/plan", 200, "planner-arm"),
        ("http.request", "/plan", 422, "planner-arm"),
    ]
    assert "the goal" not in str(lines)


def test_an_error_of_ours_shows_nothing_of_itself() -> None:
    class Broken(PlannerArm):
        def answer(self, request: PlanRequest) -> PlanResponse:
            raise RuntimeError("inside")

    with serving(app_of(Broken(PlannerSettings(), load_roster()))) as url, capture_logs() as lines:
        answer = httpx.post(f"{url}/plan", json={"goal": "Add a retry"})

    assert answer.status_code == 500
    assert answer.json()["error"] == "Defect"
    assert "inside" not in answer.text
    assert [line["action"] for line in lines] == ["http.defect", "http.request"]


def test_ready_names_database_broker_and_model(servers: Servers, tmp_path: Path) -> None:
    app = FarmApp()
    app.settings, app.servers = Settings(farm={"run_folder": tmp_path}), servers
    farm = open_farm(app.settings, servers, CelerySender(app))
    arm = arm_of()

    with (
        serving(app_of(arm, readiness_of(farm, arm))) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        answer = client.get("/ready")
    farm.database.close()

    assert answer.status_code == 200
    checks = answer.json()["checks"]
    assert [*checks] == ["database", "broker", "model"]
    assert all(check["ok"] for check in checks.values())
    assert checks["model"]["found"] == "offline rules"


def test_ready_names_what_is_away_without_its_secrets() -> None:
    def away() -> str:
        raise StoreUnavailable("PostgreSQL does not answer at user:pw@host")

    readiness: Readiness = {"database": away, "broker": lambda: "there"}

    with serving(app_of(arm_of(), readiness)) as url:
        answer = httpx.get(f"{url}/ready")

    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert answer.json()["checks"]["broker"]["ok"] is True
    assert answer.json()["checks"]["database"] == {
        "ok": False,
        "found": "PostgreSQL does not answer at user:***@host",
    }


@pytest.mark.parametrize(
    ("listed", "allowed"), [((), None), (("https://a.example",), "https://a.example")]
)
def test_pages_may_call_only_from_listed_origins(
    listed: tuple[str, ...], allowed: str | None
) -> None:
    with serving(app_of(arm_of(cors_origins=listed))) as url:
        listed_answer = httpx.get(f"{url}/health", headers={"Origin": "https://a.example"})
        other_answer = httpx.get(f"{url}/health", headers={"Origin": "https://b.example"})

    assert listed_answer.headers.get("access-control-allow-origin") == allowed
    assert "access-control-allow-origin" not in other_answer.headers
