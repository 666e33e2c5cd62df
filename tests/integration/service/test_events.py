"""A run, followed live over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.integration.serving import SHOP, Service


def told(answer: httpx.Response) -> Iterator[tuple[str, int | None, dict[str, Any]]]:
    """Name, id and data of each event, as a browser takes them apart."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields.get("event"):
            number = int(fields["id"]) if "id" in fields else None
            yield fields["event"], number, json.loads(fields["data"])
            fields = {}


def all_told(service: Service, request_id: UUID, **headers: str) -> list[Any]:
    with (
        service.http(**headers) as http,
        http.stream("GET", f"/runs/{request_id}/events") as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        return list(told(answer))


def test_an_ended_run_is_told_from_the_beginning_to_the_end(service: Service) -> None:
    request_id = service.has()
    service.moves(request_id, "PLANNING")
    service.ends(request_id)

    events = all_told(service, request_id)

    assert [name for name, _, _ in events] == ["state", "state", "state", "end"]
    states = [data["new_state"] for name, _, data in events if name == "state"]
    assert states == ["RECEIVED", "PLANNING", "CANCELLED"]
    numbers = [number for _, number, _ in events[:-1]]
    assert numbers == sorted(numbers)
    last = events[-1][2]
    assert (last["id"], last["state"], events[-1][1]) == (str(request_id), "CANCELLED", None)


@pytest.mark.parametrize("how", ["header", "parameter"])
def test_whoever_comes_back_hears_what_came_after_what_they_have_seen(
    service: Service, how: str
) -> None:
    request_id = service.has()
    service.moves(request_id, "PLANNING")
    service.ends(request_id)
    seen = all_told(service, request_id)[1][1]

    if how == "header":
        rest = all_told(service, request_id, **{"Last-Event-ID": str(seen)})
    else:
        with service.http() as http:
            path = f"/runs/{request_id}/events?after={seen}"
            with http.stream("GET", path) as answer:
                rest = list(told(answer))

    assert [name for name, _, _ in rest] == ["state", "end"]
    assert rest[0][2]["new_state"] == "CANCELLED"


def test_what_happens_is_told_when_it_happens(service: Service) -> None:
    request_id = service.has()

    with service.http() as http, http.stream("GET", f"/runs/{request_id}/events") as answer:
        events = told(answer)
        assert next(events)[2]["new_state"] == "RECEIVED"
        service.moves(request_id, "PLANNING")
        assert next(events)[2]["new_state"] == "PLANNING"
        service.ends(request_id)
        assert [name for name, _, _ in events] == ["state", "end"]


def test_a_repeat_is_followed_where_it_was_folded_into(service: Service) -> None:
    request_id = service.has()
    with service.http() as http:
        repeat = http.post("/change-requests", json=SHOP).json()
    service.ends(request_id)

    events = all_told(service, UUID(repeat["id"]))

    assert repeat["folded_into"] == str(request_id)
    assert [name for name, _, _ in events] == ["state", "note", "state", "end"]
    assert events[-1][2]["id"] == str(request_id)


def test_a_stream_ends_by_itself_after_a_while_without_an_end(service_with) -> None:
    service = service_with(stream_seconds=0.2)
    request_id = service.has()

    events = all_told(service, request_id)

    assert [name for name, _, _ in events] == ["state"]


def test_more_streams_than_there_may_be_are_refused_until_one_ends(service_with) -> None:
    service = service_with(max_streams=1)
    request_id = service.has()
    path = f"/runs/{request_id}/events"

    with service.http() as http, http.stream("GET", path) as first:
        events = told(first)
        next(events)
        refused = http.get(path)
        service.ends(request_id)
        list(events)

    assert (refused.status_code, refused.json()["error"]) == (503, "TooBusy")
    assert all_told(service, request_id)[-1][0] == "end"


def test_a_service_that_is_told_to_end_does_not_wait_for_its_streams(service: Service) -> None:
    request_id = service.has()

    with service.http() as http, http.stream("GET", f"/runs/{request_id}/events") as answer:
        events = told(answer)
        next(events)
        service.stop()
        rest = list(events)
    service.start()

    assert rest == []


def test_what_cannot_be_followed_is_refused_before_anything_is_told(service: Service) -> None:
    request_id = service.has()
    paths = {
        f"/runs/{UUID(int=7)}/events": 404,
        "/runs/seven/events": 422,
        f"/runs/{request_id}/events?after=-1": 422,
        f"/runs/{request_id}/events?after={10**30}": 422,
    }

    with service.http() as http:
        answers = {path: http.get(path).status_code for path in paths}

    assert answers == paths
