"""How the farm's rows look over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from selfheal.contracts.document import Value
from selfheal.contracts.request_status import RequestStatus, RequestSummary
from selfheal.contracts.run_report import State
from selfheal.flows.farm import Farm
from selfheal.store import requests
from selfheal.store.events import Event, EventKind
from selfheal.store.requests import RequestRow


class ShownEvent(Value):
    """One event of a run."""

    at: datetime
    who: str = Field(description="worker, sweeper, cli, client ...")
    kind: EventKind
    old_state: State | None = None
    new_state: State | None = None
    task_id: UUID | None = Field(default=None, description="the CodingTask it is about, if any")
    why: str


def show_status(farm: Farm, request_id: UUID) -> RequestStatus:
    """The ChangeRequest of this id; raises UnknownId."""
    with farm.database.begin() as connection:
        return status_of(requests.load(connection, request_id))


def status_of(row: RequestRow) -> RequestStatus:
    """A ChangeRequest with its report."""
    return RequestStatus(**_fields(row), report=row.report)


def summary_of(row: RequestRow) -> RequestSummary:
    """A ChangeRequest without its report."""
    return RequestSummary(**_fields(row))


def event_of(event: Event) -> ShownEvent:
    """An event without what only the farm itself needs."""
    return ShownEvent(
        at=event.at,
        who=event.who,
        kind=event.kind,
        old_state=event.old_state,
        new_state=event.new_state,
        task_id=event.task_id,
        why=event.why,
    )


def _fields(row: RequestRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": row.state,
        "repo": row.request.repo,
        "branch": row.request.branch,
        "folded_into": row.folded_into,
        "repeats": row.repeats,
        "submitted_by": row.submitted_by,
        "reason": row.reason,
        "received_at": row.received_at,
        "cancel_requested_at": row.cancel_requested_at,
        "ended_at": row.ended_at,
    }
