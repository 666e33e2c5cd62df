"""Firing: schedules that are due become messages, by any number of beats."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import Connection

from selfheal.contracts.names import TASK_OF
from selfheal.errors import InvalidInput, Transient
from selfheal.flows.farm import Farm
from selfheal.settings import Settings
from selfheal.store import firings, outbox, schedules
from selfheal.store.firings import Cause, FiringRow
from selfheal.store.schedules import ScheduleRow

BATCH = 50
"""Schedules fired in one transaction: others wait for its rows no longer than for these."""

SHORTEST_WAIT_SECONDS = 0.05
"""A schedule that another beat is firing looks due until that one has committed."""

SWEEP_URGENCY = 9
"""Where no sweeper runs, the job `sweep` brings back what fills its queue: it goes first."""

Clock = Callable[[Connection], datetime]


def fire_due(farm: Farm, *, clock: Clock = schedules.now) -> float:
    """Fire what is due and send it; gives the seconds until there may be more to do.

    Each run becomes one outbox row in the transaction that sets the next run, so a beat that dies
    at any moment loses none and repeats none: what it did not send, the next look at the outbox
    does. Raises StoreUnavailable.
    """
    began = time.monotonic()
    with farm.database.begin() as connection:
        moment = clock(connection)
        due = schedules.lock_due(connection, moment, limit=BATCH)
        for row in due:
            _fire(connection, row, moment, settings=farm.settings)
        _revive(connection, farm.settings)
        soonest = schedules.soonest(connection)
    farm.flush()
    if len(due) == BATCH:
        return 0.0
    longest = farm.settings.beat.longest_wait_seconds
    if soonest is None:
        return longest
    wait = (soonest - moment).total_seconds() - (time.monotonic() - began)
    return min(max(wait, SHORTEST_WAIT_SECONDS), longest)


def fire_now(farm: Farm, name: str) -> UUID:
    """Fire the schedule of this name at once, by the same way; gives the message id.

    Its next run stays what it was. Raises UnknownId, and Transient while a firing is open.
    """
    with farm.database.begin() as connection:
        row = schedules.lock(connection, name)
        if open_one := firings.open_of(connection, row.id):
            raise Transient(f"{name}: {_why_not(open_one)}; try again when it has ended")
        message_id = _send(connection, row, schedules.now(connection), cause="asked")
    farm.flush()
    return message_id


def _fire(
    connection: Connection, row: ScheduleRow, moment: datetime, *, settings: Settings
) -> None:
    """One due run: sent, or skipped with the reason; then the next one is set."""
    try:
        following = row.timing.following(row.next_run, now=moment)
    except InvalidInput as error:  # must not stop the schedules beside it
        schedules.pause(connection, row.name, by="beat")
        structlog.get_logger().error(
            f"Schedule {row.name} is paused: {error}", action="beat.unreadable", schedule=row.name
        )
        return
    late = moment - row.fires_at
    missed = late > timedelta(seconds=row.window_seconds)
    cause: Cause = "late" if missed else "due"
    if missed and row.misfire == "skip":
        note = f"no beat ran: {late.total_seconds():.0f} s late"
        firings.skip(connection, row.id, row.next_run, cause=cause, note=note)
    elif open_one := firings.open_of(connection, row.id):
        note = _why_not(open_one)
        firings.skip(connection, row.id, row.next_run, cause=cause, note=note)
        _send_again(connection, open_one, settings)
    else:
        _send(connection, row, row.next_run, cause=cause)
    schedules.advance(connection, row, following)


def _send(connection: Connection, row: ScheduleRow, run: datetime, *, cause: Cause) -> UUID:
    message_id = firings.fire(connection, row.id, run, cause=cause)
    outbox.put(
        connection,
        TASK_OF[row.job],
        row.id,
        request_id=None,
        message_id=message_id,
        urgency=SWEEP_URGENCY if row.job == "sweep" else 0,
    )
    schedules.note_fired(connection, row.id, run=run, message_id=message_id)
    return message_id


def _send_again(connection: Connection, open_one: FiringRow, settings: Settings) -> None:
    """Nobody began the last one: the broker may have lost it.

    A sweeper would find that too. But the job `sweep` takes its place where none runs, and its own
    message must come through.
    """
    if open_one.state == "sent":
        age = settings.broker.resend_after_seconds
        outbox.send_one_again(connection, open_one.message_id, older_than=age)


def _revive(connection: Connection, settings: Settings) -> None:
    revived = firings.revive(
        connection,
        dead_after=settings.attempts.dead_after_seconds,
        most_deaths=settings.beat.max_deaths,
    )
    if revived:
        outbox.reopen(connection, revived)


def _why_not(open_one: FiringRow) -> str:
    state = "still runs" if open_one.state == "running" else "waits for a worker"
    return f"the firing of {open_one.run.isoformat(timespec='seconds')} {state}"
