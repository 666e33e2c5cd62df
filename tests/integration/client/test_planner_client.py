"""The Planner Arm's client, against services with good and bad days."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from selfheal.client.circuit import Circuit
from selfheal.client.planner import PlannerClient
from selfheal.errors import (
    CircuitOpen,
    InvalidAnswer,
    InvalidRequest,
    ModelUnavailable,
    Refused,
    RoleRefused,
    ServiceUnavailable,
    TokenRefused,
    UnknownId,
)
from selfheal.planning.arm import PlannerArm
from selfheal.planning.arm_settings import PlannerSettings
from selfheal.planning.roster import load_roster

Said = tuple[int, Any, dict[str, str]]

PLAN = PlannerArm(PlannerSettings(), load_roster()).generate_plan("Add a retry")
GOOD: Said = (200, json.loads(PLAN.to_json()), {})


WRONG: Said = (
    422,
    {
        "error": "InvalidRequest",
        "message": "goal: too long",
        "field": "goal",
        "expected": "too long",
    },
    {},
)


def problem(status: int, error: str, **headers: str) -> Said:
    return (status, {"error": error, "message": "it is so"}, headers)


@contextmanager
def service(*says: Said) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Says one thing after the other, the last for ever; gives its URL and what it was asked."""
    waiting, asked = [*says], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            asked[-1]["authorization"] = self.headers["Authorization"]
            status, body, headers = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client_of(url: str, pauses: list[float] | None = None, **options: Any) -> PlannerClient:
    return PlannerClient(url, sleep=(pauses if pauses is not None else []).append, **options)


def test_a_goal_is_sent_and_its_plan_read() -> None:
    with service(GOOD) as (url, asked), client_of(url, token="t") as client:
        made = client.plan("Add a retry", ["no new library"], {"a": 1})

    assert made == PLAN
    assert asked[0]["goal"] == "Add a retry"
    assert asked[0]["constraints"] == ["no new library"]
    assert asked[0]["authorization"] == "Bearer t"


def test_what_may_pass_is_tried_three_times_with_growing_pauses() -> None:
    pauses: list[float] = []
    away = problem(502, "ModelUnavailable")

    with service(away, away, GOOD) as (url, asked), client_of(url, pauses) as client:
        made = client.plan("Add a retry")

    assert made == PLAN
    assert len(asked) == 3
    assert 0.1 <= pauses[0] <= 0.2 <= pauses[1] <= 0.4
    assert (client.figures.calls, client.figures.plans, client.figures.tries) == (1, 1, 3)


def test_the_service_says_when_it_wants_to_be_asked_again() -> None:
    pauses: list[float] = []
    busy = problem(503, "StoreUnavailable", **{"Retry-After": "2"})

    with service(busy, GOOD) as (url, _), client_of(url, pauses) as client:
        client.plan("Add a retry")

    assert pauses == [2.0]


@pytest.mark.parametrize(
    ("said", "error", "tries"),
    [
        (WRONG, InvalidRequest, 1),
        (problem(402, "BudgetSpent"), Refused, 1),
        (problem(401, "TokenRefused"), TokenRefused, 1),
        (problem(403, "RoleRefused"), RoleRefused, 1),
        (problem(404, "UnknownId"), UnknownId, 1),
        (problem(405, "MethodNotAllowed"), Refused, 1),
        (problem(502, "InvalidAnswer"), InvalidAnswer, 1),
        (problem(502, "ModelUnavailable"), ModelUnavailable, 3),
        (problem(503, "ModelLeftAlone"), ServiceUnavailable, 3),
        (problem(429, "RateLimited"), ServiceUnavailable, 3),
        ((500, "not even a problem", {}), ServiceUnavailable, 3),
        ((200, {"plan": []}, {}), ServiceUnavailable, 3),
    ],
)
def test_each_kind_of_failure_has_its_error(said: Said, error: type[Exception], tries: int) -> None:
    with (
        service(said) as (url, asked),
        client_of(url, circuit=Circuit("it", failures=99)) as client,
        pytest.raises(error),
    ):
        client.plan("Add a retry")

    assert len(asked) == tries
    assert client.figures.plans == 0


def test_a_wrong_field_keeps_its_name() -> None:
    with (
        service(WRONG) as (url, _),
        client_of(url) as client,
        pytest.raises(InvalidRequest) as refused,
    ):
        client.plan("x" * 20_001)

    assert (refused.value.field, refused.value.expected) == ("goal", "too long")


def test_a_service_that_is_not_there_opens_the_circuit() -> None:
    with service(GOOD) as (url, _):
        pass
    client = client_of(url, circuit=Circuit("the Planner Arm", failures=3))

    with pytest.raises(ServiceUnavailable, match="does not answer"):
        client.plan("Add a retry")
    with pytest.raises(CircuitOpen):
        client.plan("Add a retry")

    assert client.figures.tries == 3
    assert client.circuit.state == "open"


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    silent = threading.Event()

    class Silent(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            silent.wait(30)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        with client_of(url, timeout_seconds=0.05) as client, pytest.raises(ServiceUnavailable):
            client.plan("Add a retry")
    finally:
        silent.set()
        server.shutdown()
        thread.join()
        server.server_close()

    assert client.figures.tries == 3
