"""The service when what stands behind it is away, or not as it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from selfheal.client import Client
from selfheal.errors import ServiceUnavailable, StoreUnavailable
from tests.integration.serving import SHOP, Service, started

NOWHERE = "127.0.0.1:1"


@contextmanager
def service_of(database_url: str, broker_url: str) -> Iterator[Service]:
    service = started(database_url, broker_url)
    yield service
    service.end()


def test_without_its_database_it_says_that_it_may_be_asked_again(broker_url: str) -> None:
    with service_of(f"postgresql+psycopg://{NOWHERE}/none", broker_url) as service:
        with service.http() as http:
            refused, healthy = http.get("/change-requests"), http.get("/health")
            ready = http.get("/ready")
        with Client(http=service.url) as client, pytest.raises(StoreUnavailable):
            client.status(UUID(int=7))

    assert (refused.status_code, refused.json()["error"]) == (503, "StoreUnavailable")
    assert int(refused.headers["retry-after"]) > 0
    assert (healthy.status_code, ready.status_code) == (200, 503)
    assert ready.json()["checks"] == {"database": False, "broker": True, "model": True}
    assert NOWHERE not in ready.text


def test_without_its_broker_it_accepts_what_the_sweeper_will_send(
    fresh_database: Callable[..., str], migrated: str
) -> None:
    url = fresh_database(template=migrated)

    with service_of(url, f"redis://{NOWHERE}/0") as service, service.http() as http:
        accepted = http.post("/change-requests", json=SHOP)
        ready = http.get("/ready")

    assert (accepted.status_code, accepted.json()["state"]) == (202, "RECEIVED")
    assert ready.json()["checks"]["broker"] is False


def test_a_defect_says_nothing_of_the_inside(
    fresh_database: Callable[..., str], broker_url: str
) -> None:
    # A database without any table.
    with capture_logs() as lines, service_of(fresh_database(), broker_url) as service:
        with service.http() as http:
            answer = http.get("/change-requests")
        with Client(http=service.url) as client, pytest.raises(ServiceUnavailable, match="defect"):
            client.status(UUID(int=7))

    assert [line["action"] for line in lines].count("http.defect") == 2
    assert answer.status_code == 500
    assert answer.json() == {
        "error": "Defect",
        "message": "a defect of selfheal: the service's log has more",
    }
