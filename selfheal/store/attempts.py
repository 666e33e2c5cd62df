"""Attempts: who works at what, under which token, and whether it still lives.

Liveness is decided here, by the database's clock, and by nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, text

from selfheal.errors import Fenced
from selfheal.store.database import run

Ending = Literal["accepted", "lost", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Work:
    """What is done (a task name) to what (plan, CodingTask or round), for which request."""

    name: str
    subject_id: UUID
    request_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a piece of work; its token is greater than that of every earlier try."""

    id: UUID
    work: Work
    number: int
    token: int
    worker: str
    checkpoint: dict[str, Any] = field(default_factory=dict)


def begin(
    connection: Connection,
    work: Work,
    *,
    worker: str,
    message_id: UUID | None,
    dead_after: float,
) -> Attempt | None:
    """Begin an attempt, or None where there is nothing to begin.

    None: the work has been accepted, its request has ended, or another attempt lives. An attempt
    silent for `dead_after` seconds is taken over with the next token and its checkpoint.
    """
    row = run(
        connection,
        _BEGIN,
        {**_key(work), "worker": worker, "message": message_id, "dead_after": dead_after},
    ).fetchone()
    return None if row is None else Attempt(work=work, **row)


# Races closed: two copies of one message, and a copy that begins while the work is being accepted
# or given up. The unique index `one_standing_attempt` holds an attempt from its begin on, and for
# good once it is accepted: an insert beside one that is just ending waits for that, and fails if it
# was accepted. The checkpoint of what is buried is read with the row locked, so it is the last one.
_BEGIN = """
WITH buried AS (
    UPDATE attempts SET ended_at = clock_timestamp(), ending = 'lost',
        note = 'taken over: no sign of life'
    WHERE work = %(work)s AND subject_id = %(subject)s AND ended_at IS NULL
        AND heartbeat_at < clock_timestamp() - make_interval(secs => %(dead_after)s)
    RETURNING checkpoint
)
INSERT INTO attempts (work, subject_id, request_id, number, worker, message_id, checkpoint)
SELECT %(work)s, %(subject)s, %(request)s, coalesce(max(number), 0) + 1, %(worker)s, %(message)s,
    coalesce(
        (SELECT checkpoint FROM buried),
        (array_agg(checkpoint ORDER BY number DESC))[1],
        '{}'::jsonb
    )
FROM attempts WHERE work = %(work)s AND subject_id = %(subject)s
HAVING EXISTS (
    SELECT FROM change_requests
    WHERE id = %(request)s AND ended_at IS NULL AND cancel_requested_at IS NULL
)
ON CONFLICT DO NOTHING
RETURNING id, number, token, worker, checkpoint
"""


def fence(connection: Connection, attempt: Attempt) -> None:
    """Hold the attempt's row for this transaction; raises Fenced if it has ended.

    Every effect of an attempt starts with this, in the transaction of the effect.
    """
    alive = connection.execute(
        text("SELECT 1 FROM attempts WHERE id = :id AND ended_at IS NULL FOR UPDATE"),
        {"id": attempt.id},
    ).one_or_none()
    if alive is None:
        raise _fenced(attempt)


def accept(connection: Connection, attempt: Attempt, *, note: str) -> None:
    """End the attempt as the one whose effects count, in their transaction; raises Fenced.

    Holds its row as `fence` does, so a transaction that starts with this needs no other fence.
    """
    if not finish(connection, attempt, "accepted", note=note):
        raise _fenced(attempt)


def finish(connection: Connection, attempt: Attempt, ending: Ending, *, note: str) -> bool:
    """End the attempt, and say whether this did: a finished one keeps its first ending."""
    ended = run(connection, _FINISH, {"ending": ending, "note": note, "id": attempt.id})
    return ended.rowcount == 1


_FINISH = """
UPDATE attempts SET ended_at = clock_timestamp(), ending = %(ending)s, note = %(note)s
WHERE id = %(id)s AND ended_at IS NULL
"""


def conclude(connection: Connection, attempt: Attempt, *, note: str) -> None:
    """Make giving up the accepted outcome of an attempt that this transaction has buried."""
    connection.execute(
        text("UPDATE attempts SET ending = 'accepted', note = :note WHERE id = :id"),
        {"note": note, "id": attempt.id},
    )


def beat(connection: Connection, attempt: Attempt) -> Literal["go_on", "lost", "cancelled"]:
    """A sign of life; says what the attempt is to do next."""
    row = run(connection, _BEAT, {"id": attempt.id}).fetchone()
    if row is None:
        return "lost"
    return "cancelled" if row["cancel_requested_at"] else "go_on"


_BEAT = """
UPDATE attempts SET heartbeat_at = clock_timestamp()
FROM change_requests WHERE attempts.id = %(id)s AND attempts.ended_at IS NULL
    AND change_requests.id = attempts.request_id
RETURNING change_requests.cancel_requested_at
"""


def checkpoint(
    connection: Connection, attempt: Attempt, stage: str, values: dict[str, Any]
) -> None:
    """Keep `values` for whoever takes over; raises Fenced if that has happened already."""
    kept = run(
        connection,
        _CHECKPOINT,
        {"stage": stage, "checkpoint": json.dumps(values), "id": attempt.id},
    )
    if kept.rowcount == 0:
        raise Fenced(f"attempt {attempt.number} of {attempt.work.name} has been taken over")


_CHECKPOINT = """
UPDATE attempts SET stage = %(stage)s, heartbeat_at = clock_timestamp(),
    checkpoint = checkpoint || CAST(%(checkpoint)s AS jsonb)
WHERE id = %(id)s AND ended_at IS NULL
"""


def bury_dead(connection: Connection, *, dead_after: float) -> tuple[Attempt, ...]:
    """End every attempt that fell silent and whose request is open; they need a successor."""
    rows = connection.execute(
        text(
            "UPDATE attempts SET ended_at = clock_timestamp(), ending = 'lost',"
            " note = 'no sign of life' WHERE id IN (SELECT id FROM attempts"
            " WHERE ended_at IS NULL"
            " AND heartbeat_at < clock_timestamp() - make_interval(secs => :dead_after)"
            " FOR UPDATE SKIP LOCKED)"
            " RETURNING id, work, subject_id, request_id, number, token, worker"
        ),
        {"dead_after": dead_after},
    )
    return tuple(
        Attempt(
            id=row.id,
            work=Work(row.work, row.subject_id, row.request_id),
            number=row.number,
            token=row.token,
            worker=row.worker,
        )
        for row in rows
    )


def stop_all(connection: Connection, request_id: UUID, *, note: str) -> None:
    """End the live attempts of a request; their effects are refused from now on."""
    connection.execute(
        text(
            "UPDATE attempts SET ended_at = clock_timestamp(), ending = 'stopped', note = :note"
            " WHERE request_id = :id AND ended_at IS NULL"
        ),
        {"id": request_id, "note": note},
    )


def count(connection: Connection, work: Work, ending: Ending) -> int:
    """How many attempts at `work` ended like that."""
    found: int = connection.execute(
        text(
            "SELECT count(*) FROM attempts"
            " WHERE work = :work AND subject_id = :subject AND ending = :ending"
        ),
        {"work": work.name, "subject": work.subject_id, "ending": ending},
    ).scalar_one()
    return found


def _fenced(attempt: Attempt) -> Fenced:
    return Fenced(
        f"attempt {attempt.number} (token {attempt.token}) of {attempt.work.name} "
        f"{attempt.work.subject_id} has ended: its effects are not accepted"
    )


def _key(work: Work) -> dict[str, Any]:
    return {"work": work.name, "subject": work.subject_id, "request": work.request_id}
