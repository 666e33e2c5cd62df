"""A request's work as a diagram: its CodingTasks, else the steps of its plan, else its SubTasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from selfheal.contracts.plan import Plan
from selfheal.diagrams.diagram import Arrow, Box, Diagram, Tone
from selfheal.store import decompositions, plans, requests, rounds
from selfheal.store.decompositions import SubTaskRow
from selfheal.store.rounds import TaskRow

_TONES: Final[dict[str, Tone]] = {
    "waiting": "waiting",
    "ready": "active",
    "SUCCESS": "good",
    "PARTIAL": "doubtful",
    "SOFT_FAIL": "doubtful",
    "HARD_FAIL": "bad",
    "FAILED": "bad",
}


def picture_of(connection: Connection, request_id: UUID) -> Diagram:
    """What a request is made of, as its rows have it now. Raises UnknownId for one there is not."""
    request = requests.follow(connection, request_id)
    title = f"request {str(request.id)[:8]}: {request.state}"
    tasks = rounds.tasks_of_request(connection, request.id)
    if tasks:
        return tasks_diagram(title, tasks, rounds.edges_of_request(connection, request.id))
    subtasks = decompositions.subtasks_of(connection, request.id)
    if subtasks:
        return subtasks_diagram(title, subtasks)
    made = [row.plan for row in plans.of_request(connection, request.id) if row.plan is not None]
    return plan_diagram(title, made[-1]) if made else Diagram(title, ())


def tasks_diagram(
    title: str, tasks: Sequence[TaskRow], edges: Iterable[tuple[UUID, UUID]]
) -> Diagram:
    """CodingTasks; a faint arrow leads from one that failed to the one that tries again."""
    boxes = [
        _box(
            str(row.id),
            str(row.id)[:8],
            row.result.status if row.result else row.state,
            row.task.goal,
        )
        for row in tasks
    ]
    arrows = [Arrow(str(parent), str(child)) for parent, child in edges]
    again = [Arrow(str(row.rerun_of), str(row.id), faint=True) for row in tasks if row.rerun_of]
    return Diagram(title, tuple(boxes), (*arrows, *again))


def subtasks_diagram(title: str, rows: Sequence[SubTaskRow]) -> Diagram:
    """SubTasks by the number of their step, each with its arm."""
    boxes = [
        _box(
            str(row.step),
            f"{row.step} {row.subtask.required_arm}",
            row.result.status if row.result else row.state,
            row.subtask.action,
        )
        for row in rows
    ]
    arrows = [Arrow(str(need), str(row.step)) for row in rows for need in row.needs]
    return Diagram(title, tuple(boxes), tuple(arrows))


def plan_diagram(title: str, plan: Plan) -> Diagram:
    """The steps of a plan that is not cut into tasks yet."""
    boxes = [
        _box(str(step.order), f"step {step.order}", "waiting", step.goal) for step in plan.steps
    ]
    arrows = [Arrow(str(o), str(step.order)) for step in plan.steps for o in step.depends_on]
    return Diagram(title, tuple(boxes), tuple(arrows))


def _box(key: str, name: str, state: str, text: str) -> Box:
    return Box(key, f"{name} {state}", text, _TONES.get(state, "plain"))
