"""A round is one Celery chord: what Celery's own tools see of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from celery import Celery
from celery.app.task import Context
from celery.result import GroupResult

from selfheal.contracts import names
from selfheal.contracts.commit_result import Status
from selfheal.dispatch.settle import settle
from selfheal.store.database import Database
from selfheal.store.outbox import message_of


@pytest.fixture
def app(database: Database) -> Iterator[Celery]:
    """Any Celery app with the farm's result backend."""
    made = Celery(backend=f"selfheal+{database.url}", set_as_current=False)
    yield made
    made.backend.pool.discard_idle()


def _settle(graph, index: int, status: Status = "SUCCESS") -> bool:
    with graph.database.begin() as connection:
        attempt = graph.begin(index)
        return settle(connection, attempt, graph.result(index, status)).round_complete


def test_the_group_is_restored_with_every_outcome_in_its_order(
    graph_of: Callable, app: Celery
) -> None:
    graph = graph_of([(), (0,), ()])

    _settle(graph, 2)
    assert _settle(graph, 0, "HARD_FAIL")

    group = GroupResult.restore(str(graph.round_id), app=app)
    assert [result.id for result in group] == [
        str(message_of(names.CODE, task)) for task in graph.tasks
    ]
    assert [outcome["status"] for outcome in group.get(timeout=5)] == [
        "HARD_FAIL",
        "HARD_FAIL",  # it needed the first one, and was never sent
        "SUCCESS",
    ]


def test_parts_that_celery_returns_by_itself_do_not_count(graph_of: Callable, app: Celery) -> None:
    graph = graph_of([(), ()])

    for task in graph.tasks:
        app.backend.mark_as_failure(
            str(message_of(names.CODE, task)),
            RuntimeError("the worker is gone"),
            request=_request(app, graph, task),
        )

    assert (graph.chord().got, graph.chord().state, graph.lands()) == (0, "open", 0)


def test_last_parts_at_once_release_the_body_once(graph_of: Callable) -> None:
    width = 6
    graph = graph_of([()] * width)

    with ThreadPoolExecutor(width) as pool:
        complete = list(pool.map(lambda index: _settle(graph, index), range(width)))

    assert sum(complete) == 1
    assert graph.lands() == 1
    assert (graph.chord().got, graph.chord().state) == (width, "published")


def test_what_was_rolled_back_has_left_no_part(graph_of: Callable) -> None:
    graph = graph_of([()])
    attempt = graph.begin(0)

    with pytest.raises(ZeroDivisionError), graph.database.begin() as connection:
        settle(connection, attempt, graph.result(0))
        raise ZeroDivisionError

    assert (graph.chord().got, graph.chord().state) == (0, "open")


def _request(app: Celery, graph, task: UUID) -> Context:
    """What a worker knows of a header task's message."""
    return Context(
        id=str(message_of(names.CODE, task)),
        group=str(graph.round_id),
        group_index=0,
        chord=app.signature(names.LAND, args=(str(graph.round_id),)),
        ignore_result=True,
    )
