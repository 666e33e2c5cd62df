"""Events: what happened to a request, append-only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, text

from selfheal.contracts.run_report import State
from selfheal.store.database import run

EventKind = Literal["state", "task", "attempt", "lease", "land", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row; `id` counts up in the order of writing."""

    id: int
    request_id: UUID
    at: datetime
    who: str
    kind: EventKind
    old_state: State | None
    new_state: State | None
    task_id: UUID | None
    token: int | None
    why: str


def record(
    connection: Connection,
    request_id: UUID,
    *,
    who: str,
    kind: EventKind,
    why: str,
    old_state: State | None = None,
    new_state: State | None = None,
    task_id: UUID | None = None,
    token: int | None = None,
) -> None:
    """Append one event in the caller's transaction."""
    run(
        connection,
        _RECORD,
        {
            "request_id": request_id,
            "who": who,
            "kind": kind,
            "old_state": old_state,
            "new_state": new_state,
            "task_id": task_id,
            "token": token,
            "why": why,
        },
    )


_RECORD = """
INSERT INTO events (request_id, who, kind, old_state, new_state, task_id, token, why)
VALUES (%(request_id)s, %(who)s, %(kind)s, %(old_state)s, %(new_state)s, %(task_id)s, %(token)s,
    %(why)s)
"""


def of_request(connection: Connection, request_id: UUID, *, after: int = 0) -> tuple[Event, ...]:
    """The events of one request with an id above `after`, oldest first."""
    rows = connection.execute(
        text("SELECT * FROM events WHERE request_id = :id AND id > :after ORDER BY id"),
        {"id": request_id, "after": after},
    )
    return tuple(Event(**row._mapping) for row in rows)
