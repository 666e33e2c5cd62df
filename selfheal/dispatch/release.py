"""Opens a round: the graph rows, and outbox rows for every CodingTask that nothing holds back."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid5

import networkx as nx
from sqlalchemy import Connection

from selfheal.contracts import names
from selfheal.contracts.bundle import CodingTask, TaskBundle
from selfheal.store import outbox, rounds
from selfheal.store.rounds import EdgeKind, NewTask, RoundRow


def open_round(
    connection: Connection,
    bundle: TaskBundle,
    *,
    request_id: UUID,
    number: int = 1,
    rerun_of: Mapping[UUID, UUID] | None = None,
) -> RoundRow:
    """Store `bundle` as the next round of its plan and release what is ready.

    `rerun_of` names the earlier task that a new one repeats. Ids are derived, so that a repeated
    call after a takeover names the same round.
    """
    round_id = uuid5(bundle.plan_id, f"round {number}")
    row = RoundRow(
        id=round_id,
        plan_id=bundle.plan_id,
        number=number,
        land_message_id=uuid5(round_id, "land"),
        size=len(bundle.tasks),
        open_tasks=len(bundle.tasks),
    )
    tasks = place(bundle, rerun_of or {})
    rounds.open_round(connection, row, tasks, request_id=request_id)
    for new in tasks:
        if not new.parents:
            release_task(connection, new.task.id, new.depth_below, request_id=request_id)
    return row


def release_task(
    connection: Connection, task_id: UUID, depth_below: int, *, request_id: UUID
) -> None:
    """Send a CodingTask; those with the longest way below them first (critical path)."""
    outbox.put(
        connection,
        names.CODE,
        task_id,
        request_id=request_id,
        message_id=uuid5(task_id, "code"),
        urgency=depth_below,
    )


def place(bundle: TaskBundle, rerun_of: Mapping[UUID, UUID]) -> tuple[NewTask, ...]:
    """Each task with its parents and the longest path below it, in (step, id) order."""
    ordered = sorted(bundle.tasks, key=lambda task: (task.step_number, task.id))
    parents = _chain(ordered) if bundle.force_sequential else _needs(ordered)
    graph: nx.DiGraph[UUID] = nx.DiGraph()
    graph.add_nodes_from(task.id for task in ordered)
    graph.add_edges_from((up, child) for child, ups in parents.items() for up, _ in ups)
    depth: dict[UUID, int] = {}
    for node in reversed(list(nx.topological_sort(graph))):
        depth[node] = 1 + max((depth[child] for child in graph.successors(node)), default=0)
    return tuple(
        NewTask(
            task=task,
            parents=parents[task.id],
            depth_below=depth[task.id],
            rerun_of=rerun_of.get(task.id),
        )
        for task in ordered
    )


def _needs(tasks: list[CodingTask]) -> dict[UUID, tuple[tuple[UUID, EdgeKind], ...]]:
    return {task.id: tuple((parent, "needs") for parent in task.depends_on) for task in tasks}


def _chain(tasks: list[CodingTask]) -> dict[UUID, tuple[tuple[UUID, EdgeKind], ...]]:
    """One by one; a failure does not keep the next one from its try."""
    before = [(), *(((task.id, "order"),) for task in tasks[:-1])]
    return {task.id: ups for task, ups in zip(tasks, before, strict=True)}  # type: ignore[misc]
