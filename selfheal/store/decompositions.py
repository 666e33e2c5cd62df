"""Decompositions and their SubTasks: what a request was cut into, and how far that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid5

from sqlalchemy import Connection, Row, text

from selfheal.contracts.decomposition import PlanResponse, SubTask, SubTaskResult
from selfheal.contracts.names import Pool
from selfheal.errors import UnknownId

SubTaskState = Literal["waiting", "ready", "settled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecompositionRow:
    """A decomposition that was asked for; `response` and the others are there once made."""

    id: UUID
    request_id: UUID
    response: PlanResponse | None
    planner: str | None
    base_commit_sha: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubTaskRow:
    """A SubTask as it stands now, with its result once it is settled."""

    id: UUID
    decomposition_id: UUID
    request_id: UUID
    step: int
    pool: Pool
    subtask: SubTask
    needs: tuple[int, ...]
    waiting_on: int
    state: SubTaskState
    child_id: UUID | None
    result: SubTaskResult | None


def ask_for(connection: Connection, request_id: UUID) -> UUID:
    """Make the row that a decomposing attempt will fill; asking twice is asking once."""
    new = uuid5(request_id, "decomposition")
    connection.execute(
        text(
            "INSERT INTO decompositions (id, request_id) VALUES (:id, :request_id)"
            " ON CONFLICT DO NOTHING"
        ),
        {"id": new, "request_id": request_id},
    )
    return new


def load(connection: Connection, decomposition_id: UUID) -> DecompositionRow:
    """The decomposition's row; raises UnknownId."""
    row = connection.execute(
        text("SELECT * FROM decompositions WHERE id = :id"), {"id": decomposition_id}
    ).one_or_none()
    if row is None:
        raise UnknownId(f"no decomposition {decomposition_id}")
    return _decomposition(row)


def of_request(connection: Connection, request_id: UUID) -> DecompositionRow | None:
    """What the request was cut into, if it was."""
    row = connection.execute(
        text("SELECT * FROM decompositions WHERE request_id = :id"), {"id": request_id}
    ).one_or_none()
    return _decomposition(row) if row else None


def store(
    connection: Connection,
    decomposition_id: UUID,
    response: PlanResponse,
    *,
    planner: str,
    base_sha: str,
) -> None:
    """Fill the row that `ask_for` made."""
    connection.execute(
        text(
            "UPDATE decompositions SET document = CAST(:document AS jsonb), planner = :planner,"
            " base_commit_sha = :sha WHERE id = :id"
        ),
        {
            "document": response.to_json(),
            "planner": planner,
            "sha": base_sha,
            "id": decomposition_id,
        },
    )


def add(connection: Connection, rows: Sequence[SubTaskRow]) -> None:
    """Store new SubTasks."""
    connection.execute(
        text(
            "INSERT INTO subtasks (id, decomposition_id, request_id, step, arm, pool, document,"
            " needs, waiting_on, state) VALUES (:id, :decomposition_id, :request_id, :step, :arm,"
            " :pool, CAST(:document AS jsonb), :needs, :waiting_on, :state)"
        ),
        [
            {
                "id": row.id,
                "decomposition_id": row.decomposition_id,
                "request_id": row.request_id,
                "step": row.step,
                "arm": row.subtask.required_arm,
                "pool": row.pool,
                "document": row.subtask.model_dump_json(),
                "needs": list(row.needs),
                "waiting_on": row.waiting_on,
                "state": row.state,
            }
            for row in rows
        ],
    )


def load_subtask(connection: Connection, subtask_id: UUID) -> SubTaskRow:
    """The SubTask; raises UnknownId."""
    row = connection.execute(
        text("SELECT * FROM subtasks WHERE id = :id"), {"id": subtask_id}
    ).one_or_none()
    if row is None:
        raise UnknownId(f"no SubTask {subtask_id}")
    return _subtask(row)


def subtasks_of(connection: Connection, request_id: UUID) -> tuple[SubTaskRow, ...]:
    """The SubTasks of a request, in the order of the plan."""
    rows = connection.execute(
        text("SELECT * FROM subtasks WHERE request_id = :id"), {"id": request_id}
    )
    found = {row.step: _subtask(row) for row in rows}
    decomposition = of_request(connection, request_id) if found else None
    planned = decomposition.response.plan if decomposition and decomposition.response else ()
    return tuple(found[subtask.step] for subtask in planned)


def of_child(connection: Connection, child_id: UUID) -> SubTaskRow | None:
    """The SubTask that a ChangeRequest is run for, if it is run for one."""
    row = connection.execute(
        text("SELECT * FROM subtasks WHERE child_id = :id"), {"id": child_id}
    ).one_or_none()
    return _subtask(row) if row else None


def open_children(connection: Connection, request_id: UUID) -> tuple[UUID, ...]:
    """ChangeRequests that run for SubTasks of this one and have not ended."""
    rows = connection.execute(
        text(
            "SELECT s.child_id FROM subtasks s JOIN change_requests c ON c.id = s.child_id"
            " WHERE s.request_id = :id AND c.ended_at IS NULL ORDER BY s.child_id"
        ),
        {"id": request_id},
    )
    return tuple(row.child_id for row in rows)


def note_child(connection: Connection, subtask_id: UUID, child_id: UUID) -> None:
    """The SubTask runs as this ChangeRequest."""
    connection.execute(
        text("UPDATE subtasks SET child_id = :child WHERE id = :id"),
        {"child": child_id, "id": subtask_id},
    )


def lock(connection: Connection, decomposition_id: UUID) -> None:
    """Hold the decomposition for this transaction.

    Race closed: two needed steps of one SubTask that settle at once, and a failing one that settles
    what needed it while another counts it down. Settlings happen one after another.
    """
    connection.execute(
        text("SELECT 1 FROM decompositions WHERE id = :id FOR NO KEY UPDATE"),
        {"id": decomposition_id},
    )


def settle(connection: Connection, subtask_id: UUID, result: SubTaskResult) -> bool:
    """Write the result of a SubTask; False where it has one: it keeps its first."""
    settled = connection.execute(
        text(
            "UPDATE subtasks SET state = 'settled', settled_at = clock_timestamp(),"
            " result = CAST(:result AS jsonb) WHERE id = :id AND state <> 'settled'"
        ),
        {"id": subtask_id, "result": result.model_dump_json()},
    )
    return settled.rowcount == 1


def count_down(
    connection: Connection, decomposition_id: UUID, step: int
) -> tuple[tuple[UUID, Pool], ...]:
    """One needed step less for whatever needs `step`; gives what is ready with that."""
    rows = connection.execute(
        text(
            "UPDATE subtasks SET waiting_on = waiting_on - 1,"
            " state = CASE WHEN waiting_on = 1 THEN 'ready' ELSE state END"
            " WHERE decomposition_id = :id AND state = 'waiting' AND :step = ANY(needs)"
            " RETURNING id, pool, waiting_on"
        ),
        {"id": decomposition_id, "step": step},
    )
    return tuple(sorted((row.id, row.pool) for row in rows if row.waiting_on == 0))


def _decomposition(row: Row[tuple[object, ...]]) -> DecompositionRow:
    return DecompositionRow(
        id=row.id,
        request_id=row.request_id,
        response=PlanResponse.model_validate(row.document) if row.document else None,
        planner=row.planner,
        base_commit_sha=row.base_commit_sha,
    )


def _subtask(row: Row[tuple[object, ...]]) -> SubTaskRow:
    return SubTaskRow(
        id=row.id,
        decomposition_id=row.decomposition_id,
        request_id=row.request_id,
        step=row.step,
        pool=row.pool,
        subtask=SubTask.model_validate(row.document),
        needs=tuple(row.needs),
        waiting_on=row.waiting_on,
        state=row.state,
        child_id=row.child_id,
        result=SubTaskResult.model_validate(row.result) if row.result else None,
    )
