"""Firings: one row per run of a schedule that was fired or skipped, and what came of it.

A firing is to a job what an attempt is to a piece of a request: it says who works at it and
whether that worker lives, by the database's clock. `tries` is its fencing token.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID, uuid5

from sqlalchemy import Connection, Row, text

from selfheal.errors import Fenced

Cause = Literal["due", "late", "asked"]
Outcome = Literal["done", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringRow:
    """One run of a schedule as it stands now."""

    message_id: UUID
    schedule_id: UUID
    run: datetime
    cause: Cause
    state: Literal["sent", "running", "done", "failed", "lost", "skipped"]
    tries: int
    deaths: int
    worker: str | None
    fired_at: datetime
    heartbeat_at: datetime | None
    ended_at: datetime | None
    note: str | None


def id_of(schedule_id: UUID, run: datetime) -> UUID:
    """The message id of a run, the same whichever beat fires it."""
    return uuid5(schedule_id, run.astimezone(UTC).isoformat(timespec="microseconds"))


def fire(connection: Connection, schedule_id: UUID, run: datetime, *, cause: Cause) -> UUID:
    """Write down that this run is to be done now; gives its message id.

    The caller holds the schedule's row and has seen that no firing of it is open. Backstops: the
    primary key against a second firing of one run, `one_open_firing` against an overlap; where
    they refuse, the message finds nothing to begin.
    """
    message_id = id_of(schedule_id, run)
    connection.execute(
        text(
            "INSERT INTO firings (message_id, schedule_id, run, cause, state)"
            " VALUES (:message, :schedule, :run, :cause, 'sent') ON CONFLICT DO NOTHING"
        ),
        {"message": message_id, "schedule": schedule_id, "run": run, "cause": cause},
    )
    return message_id


def skip(
    connection: Connection, schedule_id: UUID, run: datetime, *, cause: Cause, note: str
) -> None:
    """Write down that this run was not fired, and why."""
    connection.execute(
        text(
            "INSERT INTO firings (message_id, schedule_id, run, cause, state, note, ended_at)"
            " VALUES (:message, :schedule, :run, :cause, 'skipped', :note, clock_timestamp())"
            " ON CONFLICT DO NOTHING"
        ),
        {
            "message": id_of(schedule_id, run),
            "schedule": schedule_id,
            "run": run,
            "cause": cause,
            "note": note,
        },
    )


def open_of(connection: Connection, schedule_id: UUID) -> FiringRow | None:
    """The firing of this schedule that has not ended."""
    row = connection.execute(
        text("SELECT * FROM firings WHERE schedule_id = :id AND ended_at IS NULL"),
        {"id": schedule_id},
    ).one_or_none()
    return None if row is None else _row(row)


def begin(
    connection: Connection,
    message_id: UUID,
    *,
    schedule_id: UUID,
    worker: str,
    dead_after: float,
) -> FiringRow | None:
    """Begin the job of this firing, or None: it has ended, was removed, or is in living hands.

    Race closed: two copies of one message. The second update waits for the first one's row and
    then finds it running.
    """
    row = connection.execute(
        text(
            "UPDATE firings SET state = 'running', tries = tries + 1, worker = :worker,"
            " heartbeat_at = clock_timestamp()"
            " WHERE message_id = :id AND schedule_id = :schedule AND (state = 'sent'"
            " OR (state = 'running'"
            " AND heartbeat_at < clock_timestamp() - make_interval(secs => :dead_after)))"
            " RETURNING *"
        ),
        {
            "id": message_id,
            "schedule": schedule_id,
            "worker": worker,
            "dead_after": dead_after,
        },
    ).one_or_none()
    return None if row is None else _row(row)


def beat(connection: Connection, firing: FiringRow) -> Literal["go_on", "lost"]:
    """A sign of life; says whether the job is still this worker's."""
    beaten = connection.execute(
        text(f"UPDATE firings SET heartbeat_at = clock_timestamp() WHERE {_OURS}"), _key(firing)
    )
    return "go_on" if beaten.rowcount else "lost"


def finish(connection: Connection, firing: FiringRow, outcome: Outcome, *, note: str) -> None:
    """The job's end, in the transaction of its effect; raises Fenced if it is another's now."""
    ended = connection.execute(
        text(
            "UPDATE firings SET state = :outcome, note = :note, ended_at = clock_timestamp()"
            f" WHERE {_OURS}"
        ),
        {**_key(firing), "outcome": outcome, "note": note},
    )
    if not ended.rowcount:
        raise Fenced(
            f"firing {firing.message_id} (try {firing.tries}) has been taken over or removed: "
            "its effects are not accepted"
        )


def hand_back(connection: Connection, firing: FiringRow) -> bool:
    """Open for another worker what this one was told to stop; False if it is another's already."""
    given = connection.execute(
        text(f"UPDATE firings SET state = 'sent' WHERE {_OURS}"), _key(firing)
    )
    return given.rowcount == 1


def revive(connection: Connection, *, dead_after: float, most_deaths: int) -> tuple[UUID, ...]:
    """Firings whose worker fell silent are open for another one; gives their message ids.

    With the last of `most_deaths` a firing is lost instead, and its schedule goes on.
    """
    silent = {"dead_after": dead_after, "most": most_deaths}
    connection.execute(
        text(
            "UPDATE firings SET state = 'lost', deaths = deaths + 1, ended_at = clock_timestamp(),"
            " note = (deaths + 1) || ' workers died at it; the last one was ' || worker"
            f" WHERE message_id IN ({_SILENT} AND deaths + 1 >= :most FOR UPDATE SKIP LOCKED)"
        ),
        silent,
    )
    revived = connection.execute(
        text(
            "UPDATE firings SET state = 'sent', deaths = deaths + 1"
            f" WHERE message_id IN ({_SILENT} AND deaths + 1 < :most FOR UPDATE SKIP LOCKED)"
            " RETURNING message_id"
        ),
        silent,
    )
    return tuple(revived.scalars())


def newest(connection: Connection) -> dict[UUID, FiringRow]:
    """The last firing of each schedule that has any, by schedule."""
    rows = connection.execute(
        text("SELECT DISTINCT ON (schedule_id) * FROM firings ORDER BY schedule_id, run DESC")
    )
    return {row.schedule_id: _row(row) for row in rows}


def of_schedule(connection: Connection, schedule_id: UUID) -> tuple[FiringRow, ...]:
    """Its firings, oldest run first."""
    rows = connection.execute(
        text("SELECT * FROM firings WHERE schedule_id = :id ORDER BY run"), {"id": schedule_id}
    )
    return tuple(_row(row) for row in rows)


_OURS = "message_id = :id AND tries = :tries AND state = 'running'"

_SILENT = (
    "SELECT message_id FROM firings WHERE state = 'running'"
    " AND heartbeat_at < clock_timestamp() - make_interval(secs => :dead_after)"
)


def _key(firing: FiringRow) -> dict[str, object]:
    return {"id": firing.message_id, "tries": firing.tries}


def _row(row: Row[tuple[object, ...]]) -> FiringRow:
    return FiringRow(**row._mapping)
