"""Figures of commits: kept once each, and the best of them first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, create_engine

from selfheal.contracts.evolution import CommitMetric
from selfheal.store import commit_metrics, migrate


@pytest.fixture(scope="module")
def migrated(fresh_database: Callable[[], str]) -> str:
    url = fresh_database()
    engine = create_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    return url


@pytest.fixture
def connection(migrated: str) -> Iterator[Connection]:
    """A transaction of this test alone."""
    engine = create_engine(migrated)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def passed(value: float) -> CommitMetric:
    return CommitMetric(name="tests_passed", value=value, unit="tests")


def latency(value: float) -> CommitMetric:
    return CommitMetric(name="latency", value=value, higher_is_better=False, summary="p95")


def test_a_figure_that_is_measured_again_has_its_new_value(connection: Connection) -> None:
    commit_metrics.note(connection, "repo", "a" * 40, [passed(3), latency(7)])
    commit_metrics.note(connection, "repo", "a" * 40, [passed(4)])

    assert commit_metrics.of_commit(connection, "repo", "a" * 40) == (latency(7), passed(4))
    assert commit_metrics.of_commit(connection, "other", "a" * 40) == ()


def test_the_best_come_first_whichever_way_is_better(connection: Connection) -> None:
    for sha, tests, slow in (("a", 3, 1.0), ("b", 9, 2.0), ("c", 5, 0.5)):
        commit_metrics.note(connection, "repo", sha, [passed(tests), latency(slow)])
    commit_metrics.note(connection, "other", "d", [passed(99)])

    def best(name: str, *, limit: int = 9, without: str = "") -> tuple[str, ...]:
        return commit_metrics.best(connection, "repo", name, limit=limit, without=without)

    assert best("tests_passed") == ("b", "c", "a")
    assert best("tests_passed", without="b", limit=1) == ("c",)
    assert best("latency") == ("c", "a", "b")
    assert best("unknown") == ()


def test_of_equal_commits_the_newest_comes_first(connection: Connection) -> None:
    for sha in ("a", "b"):
        commit_metrics.note(connection, "repo", sha, [passed(3)])

    found = commit_metrics.best(connection, "repo", "tests_passed", limit=2, without="")

    assert found == ("b", "a")
