"""Rounds and their CodingTasks: the graph rows that are the truth of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from selfheal.contracts.bundle import CodingTask
from selfheal.contracts.commit_result import CommitResult
from selfheal.errors import UnknownId
from selfheal.store.database import Row, run

TaskState = Literal["waiting", "ready", "settled"]
EdgeKind = Literal["needs", "order"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRow:
    """One chord: its group id, and how many CodingTasks are in its header."""

    id: UUID
    plan_id: UUID
    number: int
    size: int
    landed_sha: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A CodingTask with its place in the graph, before it is stored."""

    task: CodingTask
    parents: tuple[tuple[UUID, EdgeKind], ...]
    depth_below: int
    rerun_of: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """A CodingTask as it stands now, with its result once it is settled."""

    id: UUID
    round_id: UUID
    plan_id: UUID
    request_id: UUID
    task: CodingTask
    state: TaskState
    rerun_of: UUID | None
    base_commit_sha: str | None
    result: CommitResult | None


def open_round(
    connection: Connection,
    row: RoundRow,
    tasks: Iterable[NewTask],
    *,
    request_id: UUID,
) -> None:
    """Store a round with its tasks and edges; tasks without parents are ready."""
    new = tuple(tasks)
    connection.execute(
        text(
            "INSERT INTO rounds (id, plan_id, number, size) VALUES (:id, :plan_id, :number, :size)"
        ),
        {
            "id": row.id,
            "plan_id": row.plan_id,
            "number": row.number,
            "size": row.size,
        },
    )
    connection.execute(
        text(
            "INSERT INTO coding_tasks (id, round_id, plan_id, request_id, rerun_of, position,"
            " step_number, document, waiting_on, depth_below, state) VALUES (:id, :round_id,"
            " :plan_id, :request_id, :rerun_of, :position, :step, CAST(:document AS jsonb),"
            " :waiting_on, :depth, :state)"
        ),
        [
            {
                "id": one.task.id,
                "round_id": row.id,
                "plan_id": row.plan_id,
                "request_id": request_id,
                "rerun_of": one.rerun_of,
                "position": position,
                "step": one.task.step_number,
                "document": one.task.model_dump_json(),
                "waiting_on": len(one.parents),
                "depth": one.depth_below,
                "state": "waiting" if one.parents else "ready",
            }
            for position, one in enumerate(new)
        ],
    )
    edges = [
        {"parent": parent, "child": one.task.id, "kind": kind}
        for one in new
        for parent, kind in one.parents
    ]
    if edges:
        connection.execute(
            text(
                "INSERT INTO task_edges (parent_id, child_id, kind) VALUES (:parent, :child, :kind)"
            ),
            edges,
        )


def load_round(connection: Connection, round_id: UUID) -> RoundRow:
    """The round; raises UnknownId."""
    row = connection.execute(
        text("SELECT id, plan_id, number, size, landed_sha FROM rounds WHERE id = :id"),
        {"id": round_id},
    ).one_or_none()
    if row is None:
        raise UnknownId(f"no round {round_id}")
    return RoundRow(**row._mapping)


def note_landed(connection: Connection, round_id: UUID, sha: str) -> None:
    """Record what the round's green commits were merged to."""
    connection.execute(
        text("UPDATE rounds SET landed_sha = :sha WHERE id = :id"), {"sha": sha, "id": round_id}
    )


def last_landed(connection: Connection, request_id: UUID) -> str | None:
    """The newest commit that any round of the request has landed."""
    sha: str | None = connection.execute(
        text(
            "SELECT r.landed_sha FROM rounds r JOIN plans p ON p.id = r.plan_id"
            " WHERE p.request_id = :id AND r.landed_sha IS NOT NULL"
            " ORDER BY p.number DESC, r.number DESC LIMIT 1"
        ),
        {"id": request_id},
    ).scalar_one_or_none()
    return sha


_TASKS = (
    "SELECT t.id, t.round_id, t.plan_id, t.request_id, t.document, t.state, t.rerun_of,"
    " t.base_commit_sha, r.document AS result"
    " FROM coding_tasks t LEFT JOIN commit_results r ON r.task_id = t.id"
)


def load_task(connection: Connection, task_id: UUID) -> TaskRow:
    """The CodingTask; raises UnknownId."""
    row = run(connection, f"{_TASKS} WHERE t.id = %(id)s", {"id": task_id}).fetchone()
    if row is None:
        raise UnknownId(f"no CodingTask {task_id}")
    return _task(row)


def tasks_of_round(connection: Connection, round_id: UUID) -> tuple[TaskRow, ...]:
    """The tasks of a round in (step, id) order."""
    rows = connection.execute(
        text(f"{_TASKS} WHERE t.round_id = :id ORDER BY t.step_number, t.id"), {"id": round_id}
    )
    return tuple(_task(row) for row in rows.mappings())


def tasks_of_request(connection: Connection, request_id: UUID) -> tuple[TaskRow, ...]:
    """Every task of a request, plan by plan, in (step, id) order."""
    rows = connection.execute(
        text(
            f"{_TASKS} JOIN plans p ON p.id = t.plan_id JOIN rounds d ON d.id = t.round_id"
            " WHERE t.request_id = :id ORDER BY p.number, d.number, t.step_number, t.id"
        ),
        {"id": request_id},
    )
    return tuple(_task(row) for row in rows.mappings())


def ancestors(connection: Connection, task_id: UUID) -> tuple[TaskRow, ...]:
    """Every task that `task_id` comes after, directly or not, in (step, id) order."""
    above = (
        "WITH RECURSIVE above(id) AS ("
        " SELECT parent_id FROM task_edges WHERE child_id = :id"
        " UNION SELECT e.parent_id FROM task_edges e JOIN above ON e.child_id = above.id) "
    )
    rows = connection.execute(
        text(above + _TASKS + " WHERE t.id IN (SELECT id FROM above) ORDER BY t.step_number, t.id"),
        {"id": task_id},
    )
    return tuple(_task(row) for row in rows.mappings())


def edges_of_request(connection: Connection, request_id: UUID) -> tuple[tuple[UUID, UUID], ...]:
    """(parent, child) pairs of every graph of a request."""
    rows = connection.execute(
        text(
            "SELECT parent_id, child_id FROM task_edges JOIN coding_tasks ON id = child_id"
            " WHERE request_id = :id ORDER BY parent_id, child_id"
        ),
        {"id": request_id},
    )
    return tuple((row.parent_id, row.child_id) for row in rows)


def ids_of_request(connection: Connection, request_id: UUID) -> tuple[UUID, ...]:
    """The rounds of a request, in order."""
    rows = connection.execute(
        text(
            "SELECT r.id FROM rounds r JOIN plans p ON p.id = r.plan_id"
            " WHERE p.request_id = :id ORDER BY p.number, r.number"
        ),
        {"id": request_id},
    )
    return tuple(row.id for row in rows)


def note_base(connection: Connection, task_id: UUID, sha: str) -> None:
    """Record the commit that this task's attempts start from."""
    connection.execute(
        text("UPDATE coding_tasks SET base_commit_sha = :sha WHERE id = :id"),
        {"sha": sha, "id": task_id},
    )


def _task(fields: RowMapping | Row) -> TaskRow:
    return TaskRow(
        id=fields["id"],
        round_id=fields["round_id"],
        plan_id=fields["plan_id"],
        request_id=fields["request_id"],
        task=CodingTask.model_validate(fields["document"]),
        state=fields["state"],
        rerun_of=fields["rerun_of"],
        base_commit_sha=fields["base_commit_sha"],
        result=CommitResult.model_validate(fields["result"]) if fields["result"] else None,
    )
