"""`settle`: one transaction in which the outcome of a task, and what follows, becomes true."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from selfheal.contracts.commit_result import Status
from selfheal.dispatch.settle import settle
from selfheal.errors import Fenced
from selfheal.store import attempts


def _settle(graph, index: int, status: Status = "SUCCESS"):
    attempt = graph.begin(index)
    assert attempt is not None
    with graph.database.begin() as connection:
        return settle(connection, attempt, graph.result(index, status))


def test_a_child_is_released_when_its_last_parent_succeeds(graph_of: Callable) -> None:
    graph = graph_of([(), (), (0, 1)])
    assert graph.released() == {0, 1}

    _settle(graph, 0)
    assert graph.released() == {0, 1}

    settled = _settle(graph, 1)
    assert settled.released == (graph.tasks[2],)
    assert graph.released() == {0, 1, 2}
    assert graph.lands() == 0


def test_the_body_is_released_once_under_its_frozen_id(graph_of: Callable) -> None:
    graph = graph_of([(), ()])

    assert not _settle(graph, 0).round_complete
    assert _settle(graph, 1, "HARD_FAIL").round_complete

    assert graph.lands() == 1


def test_what_needs_a_failed_task_ends_with_its_reason(graph_of: Callable) -> None:
    graph = graph_of([(), (0,), (1,), ()])

    settled = _settle(graph, 0, "SOFT_FAIL")

    assert set(settled.unreachable) == {graph.tasks[1], graph.tasks[2]}
    results = {row.task_id: row for row in graph.rows("commit_results")}
    lost = results[graph.tasks[2]]
    assert lost.status == "SOFT_FAIL"
    assert str(graph.tasks[0]) in lost.document["reason"]
    assert lost.token is None
    assert graph.states() == ["settled", "settled", "settled", "ready"]
    assert graph.released() == {0, 3}


def test_a_forced_sequence_goes_on_after_a_failure(graph_of: Callable) -> None:
    graph = graph_of([(), (), ()], sequential=True)
    assert graph.released() == {0}

    _settle(graph, 0, "HARD_FAIL")
    assert graph.released() == {0, 1}

    _settle(graph, 1)
    assert graph.released() == {0, 1, 2}


def test_a_stale_attempt_writes_nothing(graph_of: Callable) -> None:
    graph = graph_of([(), (0,)])
    stale = graph.begin(0)
    newer = graph.begin(0, dead_after=0.0)
    assert newer.token > stale.token

    with pytest.raises(Fenced), graph.database.begin() as connection:
        settle(connection, stale, graph.result(0))

    assert graph.rows("commit_results") == []
    assert graph.states() == ["ready", "waiting"]


def test_a_result_is_accepted_once(graph_of: Callable) -> None:
    graph = graph_of([()])
    attempt = graph.begin(0)
    with graph.database.begin() as connection:
        settle(connection, attempt, graph.result(0))

    assert graph.begin(0) is None
    with pytest.raises(Fenced), graph.database.begin() as connection:
        settle(connection, attempt, graph.result(0))
    with pytest.raises(IntegrityError), graph.database.begin() as connection:
        connection.execute(text("INSERT INTO commit_results SELECT * FROM commit_results LIMIT 1"))


def test_a_failure_in_the_transaction_leaves_no_trace(graph_of: Callable) -> None:
    graph = graph_of([(), (0,)])
    attempt = graph.begin(0)

    with pytest.raises(ZeroDivisionError), graph.database.begin() as connection:
        settle(connection, attempt, graph.result(0))
        raise ZeroDivisionError

    assert graph.rows("commit_results") == []
    assert graph.released() == {0}
    assert graph.begin(0) is None, "the attempt still lives"


def test_parents_that_settle_at_once_release_their_child_once(graph_of: Callable) -> None:
    width = 8
    graph = graph_of([*[()] * width, tuple(range(width))])
    begun = [graph.begin(index) for index in range(width)]

    def finish(index: int) -> None:
        with graph.database.begin() as connection:
            settle(connection, begun[index], graph.result(index))

    with ThreadPoolExecutor(width) as pool:
        list(pool.map(finish, range(width)))

    assert graph.released() == set(range(width + 1))
    assert graph.chord().got == width


@st.composite
def _graphs(draw: st.DrawFn) -> tuple[list[tuple[int, ...]], list[Status]]:
    size = draw(st.integers(1, 9))
    parents = [
        tuple(sorted(draw(st.sets(st.integers(0, index - 1), max_size=3)))) if index else ()
        for index in range(size)
    ]
    status = st.sampled_from(["SUCCESS", "SUCCESS", "SUCCESS", "SOFT_FAIL", "HARD_FAIL"])
    return parents, draw(st.lists(status, min_size=size, max_size=size))


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(_graphs(), st.randoms(use_true_random=False))
def test_every_graph_comes_to_its_end_exactly_once(graph_of: Callable, drawn, order) -> None:
    parents, outcomes = drawn
    graph = graph_of(parents)
    done: set[int] = set()
    while ready := sorted(graph_ready(graph) - done):
        index = order.choice(ready)
        assert all(up in done and outcomes[up] == "SUCCESS" for up in parents[index])
        _settle(graph, index, outcomes[index])
        done.add(index)

    own = [row for row in graph.rows("commit_results") if row.task_id in graph.tasks]
    assert len(own) == len(parents)
    assert set(graph_states(graph)) == {"settled"}
    assert graph.lands() == 1
    for index in range(len(parents)):
        runnable = all(outcomes[up] == "SUCCESS" and up in done for up in parents[index])
        assert (index in done) == runnable


def graph_ready(graph) -> set[int]:
    with graph.database.begin() as connection:
        rows = connection.execute(
            text("SELECT id FROM coding_tasks WHERE round_id = :id AND state = 'ready'"),
            {"id": graph.round_id},
        )
        return {graph.tasks.index(row.id) for row in rows}


def graph_states(graph) -> list[str]:
    with graph.database.begin() as connection:
        return list(
            connection.execute(
                text("SELECT state FROM coding_tasks WHERE round_id = :id"),
                {"id": graph.round_id},
            ).scalars()
        )


def test_a_takeover_resumes_from_the_checkpoint(graph_of: Callable) -> None:
    graph = graph_of([()])
    first = graph.begin(0)
    with graph.database.begin() as connection:
        attempts.checkpoint(connection, first, "drafted", {"drafts": [1]})

    second = graph.begin(0, dead_after=0.0)

    assert second.number == 2
    assert second.checkpoint == {"drafts": [1]}
    with pytest.raises(Fenced), graph.database.begin() as connection:
        attempts.checkpoint(connection, first, "checked", {})
