"""What happens to a run, live: server-sent events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from selfheal.flows.farm import Farm
from selfheal.service.access import Reader
from selfheal.service.desk import DeskHere, FarmHere
from selfheal.service.examples import EVENTS
from selfheal.service.problems import documented_beside_text
from selfheal.service.shown import event_of, summary_of
from selfheal.service.tail import Tail
from selfheal.store import events, requests
from selfheal.store.events import Event
from selfheal.store.requests import RequestRow

LOOK_SECONDS = 0.5
"""Between two looks at the database, for each stream."""

LARGEST_ID = 2**63 - 1

router = APIRouter(prefix="/runs", tags=["runs"])


def _run(caller: Reader, farm: FarmHere, request_id: UUID) -> UUID:
    """The run behind a ChangeRequest: its own, or that of the one it was folded into."""
    del caller
    with farm.database.begin() as connection:
        return requests.follow(connection, request_id).id


async def _place(desk: DeskHere) -> AsyncIterator[None]:
    with desk.stream():
        yield


@router.get(
    "/{request_id}/events",
    response_class=EventSourceResponse,
    responses={
        200: {"content": {"text/event-stream": {"example": EVENTS}}},
        **documented_beside_text(404),
    },
)
async def follow(
    run: Annotated[UUID, Depends(_run)],
    place: Annotated[None, Depends(_place)],
    desk: DeskHere,
    after: Annotated[
        int, Query(ge=0, le=LARGEST_ID, description="id of the last event that was seen")
    ] = 0,
    last_event_id: Annotated[
        int | None,
        Header(ge=0, le=LARGEST_ID, description="the same, as browsers say it; it counts more"),
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow a run: its events so far, then each as it happens.

    An event is named by its kind (state, task, attempt, lease, land, note), its data is JSON. The
    event `end` comes last, with the ChangeRequest as it ended. A stream that ends without it was
    cut: come back with `Last-Event-ID`.
    """
    del place
    until = time.monotonic() + desk.settings.stream_seconds
    tail = Tail(after if last_event_id is None else last_event_id)
    while not desk.closing.is_set() and time.monotonic() < until:
        row, found = await run_in_threadpool(_look, desk.farm, run, tail.after)
        for event in tail.news(found):
            yield ServerSentEvent(event=event.kind, id=str(event.id), data=event_of(event))
        if row.ended:
            yield ServerSentEvent(event="end", data=summary_of(row))
            return
        await asyncio.sleep(LOOK_SECONDS)


def _look(farm: Farm, run: UUID, after: int) -> tuple[RequestRow, tuple[Event, ...]]:
    """The row first: when it has ended, the events that follow are all there will be."""
    with farm.database.begin() as connection:
        row = requests.load(connection, run)
        return row, events.of_request(connection, run, after=after)
