"""`settle`: the one place where the outcome of a CodingTask becomes true."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from selfheal.contracts import names
from selfheal.contracts.commit_result import CommitResult
from selfheal.dispatch.release import release
from selfheal.results import kept
from selfheal.store import attempts, events, outbox
from selfheal.store.attempts import Attempt
from selfheal.store.database import run
from selfheal.store.outbox import message_of
from selfheal.store.rounds import EdgeKind


@dataclass(frozen=True, slots=True)
class Settled:
    """What a settling led to: tasks released, tasks that can no longer run, round complete."""

    released: tuple[UUID, ...]
    unreachable: tuple[UUID, ...]
    round_complete: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a CodingTask stands."""

    id: UUID
    round_id: UUID
    request_id: UUID
    position: int


def settle(connection: Connection, attempt: Attempt, result: CommitResult) -> Settled:
    """Accept `result` as the outcome of its task, in the caller's one transaction.

    Writes the CommitResult, the attempt's end, the children's counters, outbox rows for children
    at zero, settled results for descendants that can no longer run, the chord part of each task
    that ends with this, and the outbox row of the chord's body with the last part. Raises Fenced
    for a stale attempt: then nothing is written. The result's primary key lets one result per task
    in, ever.
    """
    attempts.accept(connection, attempt, note=f"{result.status} {result.verdict}")
    return _settle(connection, attempt, result)


def give_up(connection: Connection, attempt: Attempt, result: CommitResult) -> Settled:
    """Settle a task whose last attempt was buried in this same transaction."""
    attempts.conclude(connection, attempt, note=f"given up: {result.reason}")
    return _settle(connection, attempt, result)


def _settle(connection: Connection, attempt: Attempt, result: CommitResult) -> Settled:
    task, complete = _write(connection, result, attempt.token)
    _record(connection, task.request_id, result, who=attempt.worker, token=attempt.token)
    if result.status == "SUCCESS":
        unreachable: tuple[UUID, ...] = ()
        released = _count_down(connection, task, task.id, kinds=("needs", "order"))
    else:
        unreachable, ended = _settle_unreachable(connection, task, result)
        complete = complete or ended
        released = tuple(
            child
            for settled in (task.id, *unreachable)
            for child in _count_down(connection, task, settled, kinds=("order",))
        )
    if complete:
        outbox.put(connection, names.LAND, task.round_id, request_id=task.request_id)
    return Settled(released, unreachable, complete)


def _write(connection: Connection, result: CommitResult, token: int | None) -> tuple[_Place, bool]:
    """The task's result, for us and for Celery, and its part.

    Gives where the task stands, with its round held for this transaction; True for the chord's
    last part.
    """
    place = run(
        connection,
        _WRITE,
        {
            "task_id": result.task_id,
            "token": token,
            "status": result.status,
            "sha": result.commit_sha,
            "document": result.to_json(),
        },
    )
    (task,) = (_Place(**row) for row in place)
    header_id = message_of(names.CODE, result.task_id)
    outcome = {"status": result.status, "verdict": result.verdict, "commit": result.commit_sha}
    complete = kept.record_result_and_part(
        connection, task.round_id, task_id=header_id, index=task.position, result=outcome
    )
    return task, complete


# Race closed: two parents of one child that settle at once, and a failing parent that settles
# descendants while a sibling counts them down. Settlings of one round happen one after another.
_WRITE = """
WITH place AS (
    SELECT t.id, t.round_id, t.request_id, t.position FROM coding_tasks t
    JOIN rounds r ON r.id = t.round_id WHERE t.id = %(task_id)s FOR UPDATE OF r
), settled AS (
    UPDATE coding_tasks SET state = 'settled', settled_at = clock_timestamp()
    FROM place WHERE coding_tasks.id = place.id
), written AS (
    INSERT INTO commit_results (task_id, token, status, commit_sha, document)
    SELECT id, %(token)s, %(status)s, %(sha)s, CAST(%(document)s AS jsonb) FROM place
)
SELECT id, round_id, request_id, position FROM place
"""


def _count_down(
    connection: Connection,
    task: _Place,
    parent: UUID,
    *,
    kinds: tuple[EdgeKind, ...],
) -> tuple[UUID, ...]:
    """One parent less for each child; children at zero are released."""
    rows = run(connection, _COUNT_DOWN, {"parent": parent, "kinds": list(kinds)})
    ready = sorted((row["id"], row["depth_below"]) for row in rows if row["waiting_on"] == 0)
    if ready:
        release(connection, ready, request_id=task.request_id)
    return tuple(child for child, _ in ready)


_COUNT_DOWN = """
UPDATE coding_tasks SET waiting_on = waiting_on - 1,
    state = CASE WHEN waiting_on = 1 THEN 'ready' ELSE state END
WHERE state = 'waiting' AND id IN (
    SELECT child_id FROM task_edges WHERE parent_id = %(parent)s AND kind = ANY(%(kinds)s)
)
RETURNING id, waiting_on, depth_below
"""


def _settle_unreachable(
    connection: Connection, task: _Place, result: CommitResult
) -> tuple[tuple[UUID, ...], bool]:
    """Descendants that needed this task can no longer run: they end with it, for its reason.

    Returns them, and whether the chord is complete with them.
    """
    rows = connection.execute(
        text(
            "WITH RECURSIVE below(id) AS ("
            " SELECT child_id FROM task_edges WHERE parent_id = :id AND kind = 'needs'"
            " UNION SELECT e.child_id FROM task_edges e JOIN below ON e.parent_id = below.id"
            " WHERE e.kind = 'needs')"
            " SELECT id FROM coding_tasks WHERE state <> 'settled'"
            " AND id IN (SELECT id FROM below) ORDER BY id"
        ),
        {"id": task.id},
    )
    unreachable = tuple(rows.scalars())
    complete = False
    for one in unreachable:
        lost = CommitResult(
            task_id=one,
            status=result.status,
            reason=f"depends on CodingTask {task.id}, which ended {result.status}",
            next_step=result.next_step,
        )
        _, last = _write(connection, lost, None)
        complete = complete or last
        _record(connection, task.request_id, lost, who="settle", token=None)
    return unreachable, complete


def _record(
    connection: Connection,
    request_id: UUID,
    result: CommitResult,
    *,
    who: str,
    token: int | None,
) -> None:
    events.record(
        connection,
        request_id,
        who=who,
        kind="task",
        task_id=result.task_id,
        token=token,
        why=f"{result.status} ({result.verdict}){': ' if result.reason else ''}{result.reason}",
    )
