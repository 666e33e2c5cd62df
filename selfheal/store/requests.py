"""ChangeRequests: acceptance, folding, the state machine, ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.run_report import END_STATES, TRANSITIONS, RunReport, State, SuiteEvidence
from selfheal.errors import StateRefused, UnknownId
from selfheal.store import budgets, events


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """One ChangeRequest as it stands now."""

    id: UUID
    request: ChangeRequest
    state: State
    folded_into: UUID | None
    repeats: int
    submitted_by: str | None
    base_commit_sha: str | None
    sandbox: str | None
    evidence: SuiteEvidence | None
    report: RunReport | None
    reason: str | None
    received_at: datetime
    cancel_requested_at: datetime | None
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in END_STATES


@dataclass(frozen=True, slots=True)
class Accepted:
    """The row a submission ended up in: its own, or the open one it was folded into."""

    id: UUID
    folded_into: UUID | None
    is_new: bool


def accept(connection: Connection, request: ChangeRequest, *, by: str | None = None) -> Accepted:
    """Store `request` once; a repeat of an open failure is folded into the open request.

    `by` is the name of the API token it came with, if it came with one.

    Race closed: two submissions of one failure at the same time. The partial unique index lets one
    of them in; the other waits for it and then finds the open row to fold into.
    """
    known = connection.execute(
        text("SELECT folded_into FROM change_requests WHERE id = :id"), {"id": request.id}
    ).one_or_none()
    if known is not None:
        return Accepted(request.id, known.folded_into, is_new=False)
    if _insert(connection, request, by):
        events.record(
            connection,
            request.id,
            who=request.source,
            kind="state",
            new_state="RECEIVED",
            why="accepted",
        )
        return Accepted(request.id, None, is_new=True)
    return _fold(connection, request, by)


def _insert(connection: Connection, request: ChangeRequest, by: str | None) -> bool:
    inserted = connection.execute(
        text(
            "INSERT INTO change_requests"
            " (id, document, repo, branch, fingerprint, state, priority, source, submitted_by)"
            " VALUES (:id, CAST(:document AS jsonb), :repo, :branch, :fingerprint,"
            " 'RECEIVED', :priority, :source, :by)"
            " ON CONFLICT DO NOTHING RETURNING id"
        ),
        {**_columns(request), "by": by},
    )
    if inserted.one_or_none() is None:
        return False
    budgets.open_budget(connection, request.id, request.budget)
    return True


def more_open_than(connection: Connection, most: int) -> bool:
    """Whether more requests are open. Looked at without a lock: it is no exact cap."""
    open_now: int = connection.execute(
        text(
            "SELECT count(*) FROM (SELECT 1 FROM change_requests WHERE ended_at IS NULL"
            " LIMIT :enough) AS open"
        ),
        {"enough": most + 1},
    ).scalar_one()
    return open_now > most


def _fold(connection: Connection, request: ChangeRequest, by: str | None) -> Accepted:
    target = connection.execute(
        text(
            "UPDATE change_requests SET repeats = repeats + 1"
            " WHERE fingerprint = :fingerprint AND ended_at IS NULL RETURNING id"
        ),
        {"fingerprint": request.fingerprint},
    ).scalar_one_or_none()
    if target is None:  # the same id came twice at once, or the open one ended meanwhile
        return accept(connection, request, by=by)
    connection.execute(
        text(
            "INSERT INTO change_requests (id, document, repo, branch, fingerprint, state,"
            " priority, source, submitted_by, folded_into, reason, ended_at)"
            " VALUES (:id, CAST(:document AS jsonb), :repo, :branch, :fingerprint, 'DONE',"
            " :priority, :source, :by, :target, :reason, clock_timestamp()) ON CONFLICT DO NOTHING"
        ),
        {**_columns(request), "by": by, "target": target, "reason": f"folded into {target}"},
    )
    events.record(
        connection,
        target,
        who=request.source,
        kind="note",
        why=f"the same failure came again as {request.id}",
    )
    return Accepted(request.id, target, is_new=False)


def _columns(request: ChangeRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "document": request.to_json(),
        "repo": request.repo,
        "branch": request.branch,
        "fingerprint": request.fingerprint,
        "priority": request.priority,
        "source": request.source,
    }


def load(connection: Connection, request_id: UUID) -> RequestRow:
    """The row; raises UnknownId."""
    row = connection.execute(
        text("SELECT * FROM change_requests WHERE id = :id"), {"id": request_id}
    ).one_or_none()
    if row is None:
        raise UnknownId(f"no ChangeRequest {request_id}; `selfheal status` lists what there is")
    return _row(row._mapping)


def follow(connection: Connection, request_id: UUID) -> RequestRow:
    """The row, or the one it was folded into."""
    row = load(connection, request_id)
    return follow(connection, row.folded_into) if row.folded_into else row


def recent(
    connection: Connection, limit: int, *, before: UUID | None = None
) -> tuple[RequestRow, ...]:
    """The newest requests first: all, or those that came before one of them; raises UnknownId."""
    if before is not None:
        load(connection, before)
    rows = connection.execute(
        text(
            "SELECT * FROM change_requests WHERE CAST(:before AS uuid) IS NULL"
            " OR (received_at, id) <"
            " (SELECT received_at, id FROM change_requests WHERE id = :before)"
            " ORDER BY received_at DESC, id DESC LIMIT :limit"
        ),
        {"limit": limit, "before": before},
    )
    return tuple(_row(row._mapping) for row in rows)


def advance(connection: Connection, request_id: UUID, state: State, *, who: str, why: str) -> None:
    """Move to `state` with an event; being there already is a takeover and says nothing.

    Raises StateRefused where the state machine has no such transition.
    """
    old = _locked_state(connection, request_id)
    if old == state:
        return
    if state not in TRANSITIONS[old]:
        raise StateRefused(f"ChangeRequest {request_id} is {old}: it cannot become {state}")
    connection.execute(
        text("UPDATE change_requests SET state = :state WHERE id = :id"),
        {"state": state, "id": request_id},
    )
    events.record(
        connection, request_id, who=who, kind="state", old_state=old, new_state=state, why=why
    )


def end(connection: Connection, report: RunReport, *, who: str) -> None:
    """Move to the end state of `report` and keep the report."""
    old = _locked_state(connection, report.request_id)
    if report.state not in TRANSITIONS[old]:
        raise StateRefused(
            f"ChangeRequest {report.request_id} is {old}: it cannot become {report.state}"
        )
    connection.execute(
        text(
            "UPDATE change_requests SET state = :state, reason = :reason,"
            " report = CAST(:report AS jsonb), ended_at = clock_timestamp() WHERE id = :id"
        ),
        {
            "state": report.state,
            "reason": report.reason,
            "report": report.to_json(),
            "id": report.request_id,
        },
    )
    events.record(
        connection,
        report.request_id,
        who=who,
        kind="state",
        old_state=old,
        new_state=report.state,
        why=report.reason,
    )


def note_base(
    connection: Connection, request_id: UUID, *, sha: str, sandbox: str, evidence: SuiteEvidence
) -> None:
    """Keep what the first plan found at the base: a second plan does not change it."""
    connection.execute(
        text(
            "UPDATE change_requests SET base_commit_sha = :sha, sandbox = :sandbox,"
            " evidence = CAST(:evidence AS jsonb) WHERE id = :id AND base_commit_sha IS NULL"
        ),
        {
            "sha": sha,
            "sandbox": sandbox,
            "evidence": evidence.model_dump_json(),
            "id": request_id,
        },
    )


def note_sandbox(connection: Connection, request_id: UUID, sandbox: str) -> None:
    """Keep which sandbox ran the repository's code, where no plan of the request does."""
    connection.execute(
        text("UPDATE change_requests SET sandbox = coalesce(sandbox, :sandbox) WHERE id = :id"),
        {"sandbox": sandbox, "id": request_id},
    )


def ask_to_cancel(connection: Connection, request_id: UUID) -> None:
    """Set the flag that running attempts look at."""
    connection.execute(
        text(
            "UPDATE change_requests SET cancel_requested_at ="
            " coalesce(cancel_requested_at, clock_timestamp()) WHERE id = :id"
        ),
        {"id": request_id},
    )


def _locked_state(connection: Connection, request_id: UUID) -> State:
    state = connection.execute(
        # No more than an update takes: rows that refer to this one can be written beside it.
        text("SELECT state FROM change_requests WHERE id = :id FOR NO KEY UPDATE"),
        {"id": request_id},
    ).scalar_one_or_none()
    if state is None:
        raise UnknownId(f"no ChangeRequest {request_id}")
    found: State = state
    return found


def _row(row: RowMapping) -> RequestRow:
    return RequestRow(
        id=row["id"],
        request=ChangeRequest.model_validate(row["document"]),
        state=row["state"],
        folded_into=row["folded_into"],
        repeats=row["repeats"],
        submitted_by=row["submitted_by"],
        base_commit_sha=row["base_commit_sha"],
        sandbox=row["sandbox"],
        evidence=SuiteEvidence.model_validate(row["evidence"]) if row["evidence"] else None,
        report=RunReport.model_validate(row["report"]) if row["report"] else None,
        reason=row["reason"],
        received_at=row["received_at"],
        cancel_requested_at=row["cancel_requested_at"],
        ended_at=row["ended_at"],
    )
