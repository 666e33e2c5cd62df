"""Opens a round: the graph rows, its chord, and outbox rows for what nothing holds back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid5

import networkx as nx
from sqlalchemy import Connection

from selfheal.contracts import names
from selfheal.contracts.bundle import CodingTask, TaskBundle
from selfheal.results import kept
from selfheal.store import outbox, rounds
from selfheal.store.outbox import message_of
from selfheal.store.rounds import EdgeKind, NewTask, RoundRow


def open_round(
    connection: Connection,
    bundle: TaskBundle,
    *,
    request_id: UUID,
    number: int = 1,
    rerun_of: Mapping[UUID, UUID] | None = None,
    delay_seconds: float = 0.0,
) -> RoundRow:
    """Store `bundle` as the next round of its plan and release what is ready, after the delay.

    The round is a chord that the farm keeps: its header are the tasks, its body is the landing.
    `rerun_of` names the earlier task that a new one repeats. Ids are derived, so that a repeated
    call after a takeover names the same round.
    """
    round_id = uuid5(bundle.plan_id, f"round {number}")
    row = RoundRow(
        id=round_id,
        plan_id=bundle.plan_id,
        number=number,
        size=len(bundle.tasks),
    )
    tasks = place(bundle, rerun_of or {})
    rounds.open_round(connection, row, tasks, request_id=request_id)
    kept.open_kept_chord(
        connection, row.id, size=row.size, body_task_id=message_of(names.LAND, row.id)
    )
    kept.save_group(connection, row.id, [message_of(names.CODE, new.task.id) for new in tasks])
    free = [(new.task.id, new.depth_below) for new in tasks if not new.parents]
    release(connection, free, request_id=request_id, delay_seconds=delay_seconds)
    return row


def release(
    connection: Connection,
    tasks: Sequence[tuple[UUID, int]],
    *,
    request_id: UUID,
    delay_seconds: float = 0.0,
) -> None:
    """Send CodingTasks, (id, depth below): those with the longest way below them go first."""
    outbox.put_all(
        connection, names.CODE, tasks, request_id=request_id, delay_seconds=delay_seconds
    )


def place(bundle: TaskBundle, rerun_of: Mapping[UUID, UUID]) -> tuple[NewTask, ...]:
    """Each task with its parents and the effort of the longest way below it, in (step, id) order.

    The way includes the task itself: list scheduling by this level (Hu 1961) is the critical path
    method.
    """
    ordered = sorted(bundle.tasks, key=lambda task: (task.step_number, task.id))
    parents = _chain(ordered) if bundle.force_sequential else _needs(ordered)
    graph: nx.DiGraph[UUID] = nx.DiGraph()
    graph.add_nodes_from(task.id for task in ordered)
    graph.add_edges_from((up, child) for child, ups in parents.items() for up, _ in ups)
    effort = {task.id: _effort(task) for task in ordered}
    depth: dict[UUID, int] = {}
    for node in reversed(list(nx.topological_sort(graph))):
        below = max((depth[child] for child in graph.successors(node)), default=0)
        depth[node] = effort[node] + below
    return tuple(
        NewTask(
            task=task,
            parents=parents[task.id],
            depth_below=depth[task.id],
            rerun_of=rerun_of.get(task.id),
        )
        for task in ordered
    )


def _effort(task: CodingTask) -> int:
    """What a task is likely to take, in tenths of a trivial one: 10 to 1000.

    The score is made of parts `n / (n + half)`; this turns such a part back into what it counts.
    """
    return round(10 / (1 - min(task.complexity_score, 0.99)))


def _needs(tasks: list[CodingTask]) -> dict[UUID, tuple[tuple[UUID, EdgeKind], ...]]:
    return {task.id: tuple((parent, "needs") for parent in task.depends_on) for task in tasks}


def _chain(tasks: list[CodingTask]) -> dict[UUID, tuple[tuple[UUID, EdgeKind], ...]]:
    """One by one; a failure does not keep the next one from its try."""
    before = [(), *(((task.id, "order"),) for task in tasks[:-1])]
    return {task.id: ups for task, ups in zip(tasks, before, strict=True)}  # type: ignore[misc]
