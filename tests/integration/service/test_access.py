"""Who may ask the service for what (SEC-3)."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from selfheal.store import tokens
from tests.integration.serving import SHOP, Service

LIST = ("GET", "/change-requests")
SHOW = ("GET", "/change-requests/{id}")
EVENTS = ("GET", "/runs/{id}/events")
SUBMIT = ("POST", "/change-requests")
CANCEL = ("POST", "/change-requests/{id}/cancel")
RETRY = ("POST", "/change-requests/{id}/retry")


def ask(http: httpx.Client, what: tuple[str, str], request_id: UUID) -> int:
    method, path = what
    body = SHOP if what == SUBMIT else None
    return http.request(method, path.format(id=request_id), json=body).status_code


def test_while_nobody_has_a_token_a_program_on_this_machine_may_do_all(service: Service) -> None:
    request_id = service.has()
    service.ends(request_id)

    with service.http() as http:
        answers = [ask(http, what, request_id) for what in (LIST, SHOW, EVENTS, CANCEL, RETRY)]

    assert answers == [200, 200, 200, 200, 202]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "https://example.org"}, id="a page of another site"),
        pytest.param({"Origin": "null"}, id="a page that hides its site"),
        pytest.param({"Origin": "http://127.0.0.1:1"}, id="a page of another server here"),
        pytest.param({"Host": "rebound.example.org"}, id="a name that was made to lead here"),
        pytest.param({"Host": "["}, id="a host that is none"),
        pytest.param({"X-Forwarded-For": "203.0.113.9"}, id="a proxy, for somebody elsewhere"),
        pytest.param({"X-Forwarded-For": "somebody"}, id="a proxy, for it does not say whom"),
        pytest.param({"Authorization": "Bearer selfheal"}, id="a token though there are none"),
    ],
)
def test_without_tokens_nobody_else_is_served(service: Service, headers: dict[str, str]) -> None:
    request_id = service.has()

    with service.http(**headers) as http:
        answers = [ask(http, what, request_id) for what in (LIST, SUBMIT, CANCEL)]

    assert answers == [401, 401, 401]
    with service.http() as http:
        assert http.get(f"/change-requests/{request_id}").json()["state"] == "RECEIVED"


def test_a_page_that_the_service_itself_has_served_may_ask(service: Service) -> None:
    with service.http(Origin=service.url) as http:
        assert ask(http, LIST, UUID(int=1)) == 200


def test_from_the_first_token_on_nobody_is_served_without_one(service: Service) -> None:
    service.token("ci", "reader")

    with service.http() as http:
        refused = http.get("/change-requests")

    assert (refused.status_code, refused.json()["error"]) == (401, "TokenRefused")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert "selfheal token add" in refused.json()["message"]


def test_a_token_that_is_wrong_anywhere_is_unknown(service: Service) -> None:
    good = service.token("ci", "operator")
    other = service.token("nightly", "operator")
    wrong = [
        *("x", "selfheal_", good[:-1], f"{good}A", good.upper()),
        good[:25] + other[25:],  # the id of one with the secret of another
    ]

    for token in wrong:
        with service.http(token) as http:
            assert http.get("/change-requests").status_code == 401
    with service.http(good) as http:
        assert http.get("/change-requests").status_code == 200


def test_a_revoked_token_is_good_no_more_and_its_name_may_have_a_new_one(service: Service) -> None:
    old = service.token("ci", "reader")
    with service.farm.database.begin() as connection:
        tokens.revoke(connection, "ci")
    new = service.token("ci", "reader")

    with service.http(old) as before, service.http(new) as after:
        assert (ask(before, LIST, UUID(int=1)), ask(after, LIST, UUID(int=1))) == (401, 200)


def test_of_a_token_only_a_hash_is_kept(service: Service) -> None:
    token = service.token("ci", "reader")

    with service.farm.database.begin() as connection:
        kept = str(connection.execute(text("SELECT * FROM api_tokens")).mappings().all())

    assert token[-20:] not in kept
    assert "reader" in kept


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("reader", [200, 200, 200, 403, 403, 403]),
        ("submitter", [200, 200, 200, 202, 403, 202]),
        ("operator", [200, 200, 200, 202, 200, 202]),
    ],
)
def test_a_role_may_do_what_it_may_and_no_more(service: Service, role, may: list[int]) -> None:
    others = service.has(description="what somebody else wants")
    service.ends(others)
    token = service.token("somebody", role)

    with service.http(token) as http:
        asked = (LIST, SHOW, EVENTS, SUBMIT, CANCEL, RETRY)
        answers = [ask(http, what, others) for what in asked]

    assert answers == may


def test_a_submitter_ends_its_own_requests_also_with_a_renewed_token(service: Service) -> None:
    with service.http(service.token("ci", "submitter")) as http:
        own = http.post("/change-requests", json=SHOP).json()
    with service.farm.database.begin() as connection:
        tokens.revoke(connection, "ci")

    with service.http(service.token("ci", "submitter")) as http:
        ended = http.post(f"/change-requests/{own['id']}/cancel").json()

    assert own["submitted_by"] == "ci"
    assert (ended["state"], ended["reason"]) == ("CANCELLED", "cancelled by ci")


def test_a_submitter_does_not_end_what_its_repeat_was_folded_into(service: Service) -> None:
    others = service.has()

    with service.http(service.token("ci", "submitter")) as http:
        repeat = http.post("/change-requests", json=SHOP).json()
        refused = http.post(f"/change-requests/{repeat['id']}/cancel")

    assert repeat["folded_into"] == str(others)
    assert (refused.status_code, refused.json()["error"]) == (403, "RoleRefused")


def test_who_asks_too_often_is_told_to_wait_and_the_others_are_served(service_with) -> None:
    service = service_with(requests_per_minute=3)
    hasty, calm = service.token("hasty", "reader"), service.token("calm", "reader")

    with service.http(hasty) as http, service.http(calm) as other:
        answers = [http.get("/change-requests") for _ in range(4)]
        served = other.get("/change-requests")

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json()["error"] == "RateLimited"
    assert int(answers[-1].headers["retry-after"]) > 0
    assert served.status_code == 200
