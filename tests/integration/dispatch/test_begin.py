"""`begin`, while another connection is at the same work: the unique index lets one attempt in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import text

from selfheal.dispatch.settle import give_up, settle
from selfheal.store import attempts
from selfheal.store.attempts import Attempt
from selfheal.store.database import Database


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


def _somebody_waits(database: Database) -> None:
    """Return when a transaction waits for another one's end."""
    deadline = time.monotonic() + 20
    waiting = 0
    while not waiting:
        assert time.monotonic() < deadline, "waited 20 s in vain"
        with database.statement() as connection:
            waiting = connection.execute(
                text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype <> 'relation'")
            ).scalar_one()


def _copy(beside: ThreadPoolExecutor, graph) -> Future[Attempt | None]:
    """A copy of the message, which begins now and has to wait for the caller's transaction."""
    copy = beside.submit(graph.begin, 0, dead_after=0.0)
    _somebody_waits(graph.database)
    return copy


def test_a_copy_waits_for_an_acceptance_and_finds_nothing_to_begin(
    graph_of: Callable, beside: ThreadPoolExecutor
) -> None:
    graph = graph_of([()])
    first = graph.begin(0)

    with graph.database.begin() as connection:
        settle(connection, first, graph.result(0))
        copy = _copy(beside, graph)

    assert copy.result() is None
    assert [row.ending for row in graph.rows("attempts")] == ["accepted"]


def test_a_copy_waits_for_an_end_that_is_not_accepted_and_goes_on_from_its_checkpoint(
    graph_of: Callable, beside: ThreadPoolExecutor
) -> None:
    graph = graph_of([()])
    first = graph.begin(0)
    with graph.database.begin() as connection:
        attempts.checkpoint(connection, first, "drafted", {"draft": 1})

    with graph.database.begin() as connection:
        attempts.finish(connection, first, "stopped", note="told to stop")
        copy = _copy(beside, graph)

    second = copy.result()
    assert second is not None
    assert (second.number, second.checkpoint) == (2, {"draft": 1})
    assert second.token > first.token


def test_a_copy_waits_for_a_sweeper_that_gives_the_work_up(
    graph_of: Callable, beside: ThreadPoolExecutor
) -> None:
    graph = graph_of([()])
    graph.begin(0)

    with graph.database.begin() as connection:
        (dead,) = attempts.bury_dead(connection, dead_after=0.0)
        give_up(connection, dead, graph.result(0, "HARD_FAIL"))
        copy = _copy(beside, graph)

    assert copy.result() is None
    assert [row.ending for row in graph.rows("attempts")] == ["accepted"]


def test_what_is_taken_over_hands_on_the_checkpoint_that_it_had_last(
    graph_of: Callable, beside: ThreadPoolExecutor
) -> None:
    graph = graph_of([()])
    first = graph.begin(0)

    with graph.database.begin() as connection:
        attempts.checkpoint(connection, first, "drafted", {"draft": 1})
        copy = _copy(beside, graph)

    taken_over = copy.result()
    assert taken_over is not None
    assert (taken_over.number, taken_over.checkpoint) == (2, {"draft": 1})


def test_of_many_copies_at_once_one_begins(graph_of: Callable, beside: ThreadPoolExecutor) -> None:
    graph = graph_of([()])

    begun = list(beside.map(graph.begin, [0] * 8))

    assert len([one for one in begun if one]) == 1
    assert [row.ending for row in graph.rows("attempts")] == [None]
