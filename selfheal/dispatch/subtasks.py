"""SubTasks along their dependencies: release what is ready, settle what has ended."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid5

from sqlalchemy import Connection

from selfheal.contracts import names
from selfheal.contracts.decomposition import Arm, PlanResponse, SubTask, SubTaskResult
from selfheal.contracts.names import Pool
from selfheal.store import decompositions, events, outbox
from selfheal.store.decompositions import DecompositionRow, SubTaskRow


def open_subtasks(
    connection: Connection,
    row: DecompositionRow,
    response: PlanResponse,
    *,
    pools: Mapping[Arm, Pool],
) -> None:
    """Store the SubTasks of a plan, each with the pool of its arm, and send what needs nothing.

    A coder builds on what the coder before it has landed, so it needs that step as well.
    """
    rows: list[SubTaskRow] = []
    coded: int | None = None
    for subtask in response.plan:
        needs = {*subtask.depends_on}
        if subtask.required_arm == "coder":
            needs |= {coded} if coded is not None else set()
            coded = subtask.step
        rows.append(_row(row, subtask, tuple(sorted(needs)), pools[subtask.required_arm]))
    decompositions.add(connection, rows)
    for new in rows:
        if not new.needs:
            _release(connection, new.id, new.pool, request_id=row.request_id)


def settle_subtask(
    connection: Connection, row: SubTaskRow, result: SubTaskResult, *, who: str
) -> bool:
    """Accept `result` in the caller's transaction; True where it was the last one of its plan.

    Sends what is ready now; what needed a step that failed ends with it, for its reason. Whoever
    calls holds the attempt's row already, so that a stale one settles nothing.
    """
    decompositions.lock(connection, row.decomposition_id)
    if not decompositions.settle(connection, row.id, result):
        return False
    _record(connection, row, result, who=who)
    if result.status == "SUCCESS":
        for ready, pool in decompositions.count_down(connection, row.decomposition_id, row.step):
            _release(connection, ready, pool, request_id=row.request_id)
    else:
        _settle_unreachable(connection, row, result)
    rest = decompositions.subtasks_of(connection, row.request_id)
    return all(one.state == "settled" for one in rest)


def child_has_ended(connection: Connection, row: SubTaskRow) -> None:
    """Send a coder's SubTask once more, because the ChangeRequest it runs as has ended."""
    assert row.child_id is not None, "only what runs as a ChangeRequest hears of its end"
    outbox.put(
        connection,
        names.SUBTASK,
        row.id,
        request_id=row.request_id,
        message_id=uuid5(row.child_id, "has ended"),
        pool=row.pool,
    )


def _row(row: DecompositionRow, subtask: SubTask, needs: tuple[int, ...], pool: Pool) -> SubTaskRow:
    return SubTaskRow(
        id=uuid5(row.id, f"step {subtask.step}"),
        decomposition_id=row.id,
        request_id=row.request_id,
        step=subtask.step,
        pool=pool,
        subtask=subtask,
        needs=needs,
        waiting_on=len(needs),
        state="waiting" if needs else "ready",
        child_id=None,
        result=None,
    )


def _release(connection: Connection, subtask_id: UUID, pool: Pool, *, request_id: UUID) -> None:
    outbox.put(connection, names.SUBTASK, subtask_id, request_id=request_id, pool=pool)


def _settle_unreachable(connection: Connection, row: SubTaskRow, result: SubTaskResult) -> None:
    """In the order of the plan a step comes after all that it needs, so one pass finds them all."""
    lost = {row.step}
    for one in decompositions.subtasks_of(connection, row.request_id):
        needed = lost.intersection(one.needs)
        if not needed or one.state == "settled":
            continue
        lost.add(one.step)
        without = SubTaskResult(
            step=one.step,
            arm=one.subtask.required_arm,
            status=result.status,
            summary=f"not begun: it needs step {min(needed)}, which ended {result.status}",
            next_step=result.next_step,
        )
        decompositions.settle(connection, one.id, without)
        _record(connection, one, without, who="settle")


def _record(connection: Connection, row: SubTaskRow, result: SubTaskResult, *, who: str) -> None:
    events.record(
        connection,
        row.request_id,
        who=who,
        kind="task",
        task_id=row.id,
        why=f"step {result.step} ({result.arm}): {result.status}: {result.summary}",
    )
