"""ChangeRequests over HTTP, as they go over the wire."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.request_status import RequestStatus
from selfheal.settings import AdmissionSettings
from selfheal.store import budgets, requests
from selfheal.store.budgets import Spend
from tests.integration.serving import SHOP

NOBODY = str(UUID(int=7))
"""No request has this id."""


def document(**fields: Any) -> dict[str, Any]:
    return {**SHOP, "id": str(uuid4()), **fields}


def stored(service, request_id: str) -> ChangeRequest:
    with service.farm.database.begin() as connection:
        return requests.load(connection, UUID(request_id)).request


def test_a_request_is_stored_when_it_is_answered_and_its_id_may_come_again(service) -> None:
    asked = document(priority=7)

    with service.http() as http:
        first = http.post("/change-requests", json=asked)
        again = http.post("/change-requests", json=asked)

    status = RequestStatus.model_validate_json(first.content)
    assert (first.status_code, again.status_code) == (202, 202)
    assert (str(status.id), status.state, status.ended) == (asked["id"], "RECEIVED", False)
    assert first.headers["location"] == f"/change-requests/{asked['id']}"
    assert again.json() == first.json()
    kept = stored(service, asked["id"])
    assert (kept.priority, kept.source) == (7, "api")


def test_a_request_that_says_where_it_comes_from_is_believed(service) -> None:
    asked = document(source="ci")

    with service.http() as http:
        http.post("/change-requests", json=asked)

    assert stored(service, asked["id"]).source == "ci"


def test_a_repeat_of_an_open_failure_is_folded_into_it(service) -> None:
    first, repeat = document(), document()

    with service.http() as http:
        http.post("/change-requests", json=first)
        answer = http.post("/change-requests", json=repeat).json()
        open_one = http.get(f"/change-requests/{first['id']}").json()

    assert (answer["id"], answer["folded_into"]) == (repeat["id"], first["id"])
    assert (open_one["folded_into"], open_one["repeats"]) == (None, 1)


def test_the_newest_are_listed_first_and_page_by_page(service) -> None:
    ids = [str(service.has(description=f"failure {number}")) for number in range(5)]
    ids.reverse()

    with service.http() as http:
        first = http.get("/change-requests", params={"limit": 3}).json()
        rest = http.get("/change-requests", params={"before": first[-1]["id"]}).json()

    assert [row["id"] for row in first] == ids[:3]
    assert [row["id"] for row in rest] == ids[3:]
    assert "report" not in first[0]


def test_a_cancelled_request_has_ended_and_has_a_report(service) -> None:
    request_id = service.has()

    with service.http() as http:
        cancelled = http.post(f"/change-requests/{request_id}/cancel")
        shown = http.get(f"/change-requests/{request_id}")

    assert cancelled.status_code == 200
    assert shown.json() == cancelled.json()
    report = RequestStatus.model_validate_json(shown.content).report
    assert report is not None
    assert (report.state, report.cause, report.reason) == (
        *("CANCELLED", "cancelled"),
        "cancelled by api",
    )


def test_what_has_ended_can_be_retried_under_a_new_id_and_what_is_open_cannot(service) -> None:
    request_id = service.has(priority=9)

    with service.http() as http:
        early = http.post(f"/change-requests/{request_id}/retry")
        service.ends(request_id)
        retried = http.post(f"/change-requests/{request_id}/retry")
        twice = http.post(f"/change-requests/{request_id}/retry")

    assert (early.status_code, early.json()["error"]) == (409, "StateRefused")
    assert "is RECEIVED: only what has ended" in early.json()["message"]
    assert retried.status_code == 202
    new = retried.json()
    assert (new["state"], stored(service, new["id"]).priority) == ("RECEIVED", 9)
    assert new["id"] != str(request_id)
    assert twice.json()["folded_into"] == new["id"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"priority": 10}, "priority"),
        ({"repo": ""}, "repo"),
        ({"repo": "/home/somebody/project"}, "repo"),
        ({"repo": "file:///home/somebody/project"}, "repo"),
        ({"context": {"python": "/usr/bin/python3"}}, "context.python"),
        ({"context": {"recipe": {"rename": "a"}}}, "context"),
        ({"description": "a\0b"}, "description"),
        ({"budget": {"tokens": 10**400}}, "budget.tokens"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_stored(
    service, wrong: dict[str, Any], field: str
) -> None:
    with service.http() as http:
        refused = http.post("/change-requests", json=document(**wrong))
        listed = http.get("/change-requests").json()

    problem = refused.json()
    assert (refused.status_code, problem["error"]) == (422, "InvalidRequest")
    assert problem["field"].startswith(field)
    assert problem["message"] == f"{problem['field']}: {problem['expected']}"
    assert listed == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b'{"repo": ', "application/json", id="cut"),
        pytest.param(b"\xff", "application/json", id="no text"),
        pytest.param(b"[" * 100_000, "application/json", id="nested without end"),
        pytest.param(b"[]", "application/json", id="no object"),
        pytest.param(b'{"\\ud800": 1}', "application/json", id="half a character as a field"),
        pytest.param(
            b'{"repo": "https://a/b", "description": "\\ud800"}',
            "application/json",
            id="half a character in a field",
        ),
        pytest.param(b"", "application/json", id="empty"),
        pytest.param(b'{"repo": "https://a/b"}', "text/plain", id="said to be no JSON"),
    ],
)
def test_a_body_that_is_no_request_is_refused(service, body: bytes, kind: str) -> None:
    with service.http() as http:
        refused = http.post("/change-requests", content=body, headers={"Content-Type": kind})

    assert (refused.status_code, refused.json()["error"]) == (422, "InvalidRequest")
    assert refused.json()["field"]


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunk by chunk"])
def test_a_body_that_is_too_large_is_refused(service_with, announced: bool) -> None:
    service = service_with(max_body_bytes=2_000)
    body = b'{"description": "' + b"a" * 3_000 + b'"}'

    with service.http() as http:
        refused = http.post(
            "/change-requests",
            content=body if announced else iter([body[:1_500], body[1_500:]]),
            headers={"Content-Type": "application/json"},
        )

    assert refused.status_code == 413
    assert refused.json()["expected"] == "a body of at most 2,000 bytes"


@pytest.mark.parametrize("what", ["", "/cancel", "/retry"])
def test_an_id_that_nothing_has_is_unknown_and_one_that_is_none_is_refused(
    service, what: str
) -> None:
    with service.http() as http:
        method = "POST" if what else "GET"
        unknown = http.request(method, f"/change-requests/{NOBODY}{what}")
        none = http.request(method, f"/change-requests/seven{what}")

    assert (unknown.status_code, unknown.json()["error"]) == (404, "UnknownId")
    assert (none.status_code, none.json()["field"]) == (422, "request_id")


def test_a_full_farm_says_when_to_come_back(service_with) -> None:
    service = service_with(admission=AdmissionSettings(max_open_requests=1))
    service.has()

    with service.http() as http:
        refused = http.post("/change-requests", json=document(description="another failure"))

    assert (refused.status_code, refused.json()["error"]) == (503, "TooBusy")
    assert int(refused.headers["retry-after"]) > 0


def test_a_request_may_spend_what_the_farm_allows_where_it_names_no_cap(service_with) -> None:
    service = service_with(admission=AdmissionSettings(budget_tokens=1_000, budget_usd=2.5))
    asked = document(budget={"tokens": 50})

    with service.http() as http:
        http.post("/change-requests", json=asked)

    budget = stored(service, asked["id"]).budget
    assert (budget.tokens, budget.usd, budget.seconds) == (50, 2.5, None)
    with service.farm.database.begin() as connection:
        wanted = Spend(tokens=60, usd=3.0, seconds=7.0)
        assert budgets.reserve(connection, UUID(asked["id"]), wanted) == Spend(
            tokens=50, usd=2.5, seconds=7.0
        )


def test_paths_and_methods_that_are_not_served_are_answered_alike(service) -> None:
    with service.http() as http:
        path, method = http.get("/nothing"), http.delete("/change-requests")

    assert (path.status_code, path.json()["error"]) == (404, "NotFound")
    assert (method.status_code, method.json()["error"]) == (405, "MethodNotAllowed")
    assert "see /openapi.json" in path.json()["message"]


def test_every_answer_tells_a_browser_to_be_careful(service) -> None:
    with service.http() as http:
        answers = [http.get("/change-requests"), http.get("/nothing"), http.get("/openapi.json")]

    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
