"""Random graphs as bundles of CodingTasks, opened as rounds of a farm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import text

from figures.graphs import Graph
from selfheal.contracts.bundle import CodingTask, TaskBundle
from selfheal.contracts.change_request import ChangeRequest
from selfheal.dispatch.release import open_round
from selfheal.store import plans, requests
from selfheal.store.database import Database

SHA = "0" * 40


@dataclass(frozen=True, slots=True)
class Round:
    """A bundle that was opened: its round, and its tasks in the order of the graph."""

    id: UUID
    request_id: UUID
    tasks: tuple[UUID, ...]


def open_round_of(database: Database, graph: Graph, *, goal: str = "nothing") -> Round:
    """A new ChangeRequest in a repository of its own, with the graph as its bundle; not sent."""
    request = ChangeRequest(repo=f"/benchmark/{uuid4()}", description="no-op", source="cli")
    with database.begin() as connection:
        requests.accept(connection, request)
        plan_id = plans.ask_for(connection, request.id, number=1)
        bundle = bundle_of(graph, plan_id, goal=goal)
        row = open_round(connection, bundle, request_id=request.id)
    return Round(row.id, request.id, tuple(task.id for task in bundle.tasks))


def bundle_of(graph: Graph, plan_id: UUID, *, goal: str) -> TaskBundle:
    """The graph as CodingTasks; a longer estimate is a higher complexity score."""
    ids = [uuid4() for _ in graph.parents]
    shortest = min(graph.estimates)
    tasks = tuple(
        CodingTask(
            id=ids[number],
            parent_plan_id=plan_id,
            step_number=number + 1,
            goal=goal,
            kind="EDIT",
            paths=("nothing.py",),
            depends_on=tuple(ids[up] for up in ups),
            complexity_score=round(1 - shortest / estimate, 4),
            base_commit_sha=SHA,
        )
        for number, (ups, estimate) in enumerate(zip(graph.parents, graph.estimates, strict=True))
    )
    return TaskBundle(plan_id=plan_id, tasks=tasks, base_commit_sha=SHA)


def all_settled(database: Database, rounds: Sequence[Round]) -> bool:
    """Whether every task of these rounds has its outcome."""
    with database.statement() as connection:
        left: int = connection.execute(
            text(
                "SELECT count(*) FROM selfheal_results.chords"
                " WHERE group_id = ANY(:ids) AND state <> 'published'"
            ),
            {"ids": [str(one.id) for one in rounds]},
        ).scalar_one()
    return left == 0
