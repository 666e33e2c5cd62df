"""A request's work as a diagram, from its rows."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.plan import Plan, Step
from selfheal.diagrams.diagram import Arrow, Box, Diagram
from selfheal.errors import UnknownId
from selfheal.flows.picture import picture_of, plan_diagram
from selfheal.store import requests
from selfheal.store.database import Database


def picture(database: Database, request_id: UUID) -> Diagram:
    with database.begin() as connection:
        return picture_of(connection, request_id)


def test_tasks_are_drawn_with_their_state_and_what_waits_for_what(graph_of, database) -> None:
    graph = graph_of([(), (), (0, 1)])
    first, second, third = map(str, graph.tasks)

    drawn = picture(database, graph.request_id)

    assert drawn.title == f"request {str(graph.request_id)[:8]}: RECEIVED"
    assert drawn.boxes == (
        Box(first, f"{first[:8]} ready", "g", "active"),
        Box(second, f"{second[:8]} ready", "g", "active"),
        Box(third, f"{third[:8]} waiting", "g", "waiting"),
    )
    assert set(drawn.arrows) == {Arrow(first, third), Arrow(second, third)}


def test_a_request_without_a_plan_is_an_empty_picture_and_an_unknown_one_none(database) -> None:
    request = ChangeRequest(repo=f"/repo/{uuid4()}", description="x", source="cli")
    with database.begin() as connection:
        requests.accept(connection, request)

    assert picture(database, request.id).boxes == ()
    with pytest.raises(UnknownId):
        picture(database, uuid4())


def test_a_plan_is_drawn_by_its_steps() -> None:
    steps = (
        Step(order=1, goal="add it", kind="ADD", path="a.py"),
        Step(order=2, goal="use it", kind="EDIT", path="b.py", depends_on=(1,)),
    )
    plan = Plan(
        id=uuid4(), parent_request_id=uuid4(), steps=steps, base_commit_sha="0" * 40, planner="t"
    )

    drawn = plan_diagram("plan", plan)

    assert [(box.title, box.text) for box in drawn.boxes] == [
        ("step 1 waiting", "add it"),
        ("step 2 waiting", "use it"),
    ]
    assert drawn.arrows == (Arrow("1", "2"),)
