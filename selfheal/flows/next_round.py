"""What goes round again after a landing: commits that did not land, and what may succeed later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from selfheal.contracts.bundle import CodingTask, TaskBundle
from selfheal.flows.merge_train import Built
from selfheal.store.rounds import TaskRow


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRound:
    """The next round of a plan; it is released after the delay. `rerun_of`: new id to old one."""

    bundle: TaskBundle
    rerun_of: dict[UUID, UUID]
    delay_seconds: float
    why: str


def next_round(
    built: Built, tasks: Sequence[TaskRow], *, number: int, pauses: Sequence[float]
) -> NextRound | None:
    """What follows round `number`, on top of what it landed; None where nothing goes again.

    What did not merge, or was red together, goes back once and at once, one by one (LAND-1). What
    ended SOFT_FAIL is tried again after the pause of its round, as often as there are pauses.
    """
    refused = {refusal.task: refusal.why for refusal in built.refused}
    back = [task for task in tasks if task.id in refused and task.rerun_of is None]
    soft = [task for task in tasks if number <= len(pauses) and _may_succeed(task)]
    again = [task for task in tasks if task in back or task in soft]
    if not again:
        return None
    delay = 0.0 if back else pauses[number - 1]
    return NextRound(
        bundle=TaskBundle(
            plan_id=again[0].plan_id,
            tasks=tuple(_renewed(task, again, built, why=refused.get(task.id)) for task in again),
            force_sequential=bool(back),
            base_commit_sha=built.sha,
        ),
        rerun_of={_new_id(task.id): task.id for task in again},
        delay_seconds=delay,
        why=_why(len(back), len(soft), delay),
    )


def _may_succeed(task: TaskRow) -> bool:
    return task.result is not None and task.result.status == "SOFT_FAIL"


def _renewed(
    task: TaskRow, again: Sequence[TaskRow], built: Built, *, why: str | None
) -> CodingTask:
    """What it depended on has landed, or goes again with it."""
    open_ids = {one.id for one in again}
    note = f" (sent back at landing: {why})" if why else ""
    return task.task.model_copy(
        update={
            "id": _new_id(task.id),
            "base_commit_sha": built.sha,
            "depends_on": tuple(_new_id(up) for up in task.task.depends_on if up in open_ids),
            "goal": task.task.goal + note,
        }
    )


def _new_id(task_id: UUID) -> UUID:
    return uuid5(task_id, "again")


def _why(back: int, soft: int, delay: float) -> str:
    said = []
    if back:
        said.append(f"{back} tasks go back once, on top of what has landed")
    if soft:
        when = f"in {delay:.0f} s" if delay else "at once"
        said.append(f"{soft} tasks that may succeed later are tried again {when}")
    return "; ".join(said)
