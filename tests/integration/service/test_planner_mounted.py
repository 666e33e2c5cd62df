"""The Planner Arm as a part of the farm's service: who may ask it, and through the client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from selfheal.client.planner import PlannerClient
from selfheal.errors import InvalidRequest, Refused
from tests.integration.serving import Service

ASKED = (("POST", "/plan"), ("GET", "/capabilities"), ("GET", "/metrics"))


def test_a_submitter_gets_a_plan_through_the_client(service: Service) -> None:
    token = service.token("planning", "submitter")

    with PlannerClient(service.url, token=token) as client:
        made = client.plan("Add a retry to the client", ["no new dependency"])

    assert [task.required_arm for task in made.plan] == ["retriever", "coder", "judge", "guardian"]


def test_a_wrong_field_is_named_through_the_client(service: Service) -> None:
    token = service.token("planning", "submitter")

    with (
        PlannerClient(service.url, token=token) as client,
        pytest.raises(InvalidRequest) as refused,
    ):
        client.plan("")

    assert refused.value.field == "goal"


@pytest.mark.parametrize(("role", "status"), [("reader", 403), (None, 401)])
def test_who_may_not_submit_may_not_ask(service: Service, role: str | None, status: int) -> None:
    somebody = service.token("somebody", "reader")

    with service.http(somebody if role else None) as http:
        answers = [http.request(method, path, json={"goal": "x"}) for method, path in ASKED]
        alive = [http.get(path).status_code for path in ("/health", "/ready")]

    assert [answer.status_code for answer in answers] == [status] * 3
    assert alive == [200, 200]
    with PlannerClient(service.url, token="no token") as client, pytest.raises(Refused):
        client.plan("x")


def test_a_body_without_an_end_is_refused_in_time(service: Service) -> None:
    def body() -> Iterator[bytes]:
        yield b'{"goal": "'
        for _ in range(64):
            yield b"x" * 65_536

    with service.http(service.token("planning", "submitter")) as http:
        answer = http.post("/plan", content=body(), headers={"Content-Type": "application/json"})

    assert answer.status_code == 413


def test_ready_says_that_the_database_is_away(service: Service) -> None:
    service.farm.database.url = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    service.farm.database.close()

    with service.http() as http:
        answer = http.get("/ready")

    assert answer.status_code == 503
    assert answer.json()["checks"]["database"]["ok"] is False
    assert answer.json()["checks"]["broker"]["ok"] is True
