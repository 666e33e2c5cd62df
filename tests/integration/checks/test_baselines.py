"""Baselines, measured in the sandbox and kept in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from selfheal.checks.baseline import Baseline, baseline_key, measure_baseline, shelved_baseline
from selfheal.errors import TestsUnusable
from selfheal.store.baselines import BaselineRows
from selfheal.store.database import Database
from selfheal.store.migrate import upgrade


@pytest.fixture
def shelf(database_url: str) -> Iterator[BaselineRows]:
    database = Database(database_url)
    upgrade(database.engine)
    yield BaselineRows(database)
    database.close()


def test_a_test_that_flips_without_a_change_is_flaky_and_not_failing(
    make_project, farm_target, sandbox
):
    root = make_project(
        {
            "test_it.py": """
                from pathlib import Path

                def test_passes_the_second_time():
                    mark = Path("mark")
                    known = mark.exists()
                    mark.touch()
                    assert known

                def test_never_passes():
                    assert False

                def test_passes():
                    pass
            """
        }
    )

    baseline = measure_baseline(farm_target, root, sandbox, sha="abc")

    assert baseline.flaky == ("test_it.py::test_passes_the_second_time",)
    assert baseline.failing == ("test_it.py::test_never_passes",)
    assert baseline.outcomes["test_it.py::test_passes"] == "passed"
    assert baseline.evidence.failed == 2
    assert Baseline.from_json(baseline.to_json()) == baseline


def test_an_unusable_suite_has_no_baseline(make_project, farm_target, sandbox):
    with pytest.raises(TestsUnusable):
        measure_baseline(farm_target, make_project({}), sandbox, sha="abc")


def test_a_baseline_is_measured_once_for_the_farm(shelf: BaselineRows, farm_target):
    measured = []

    def measure() -> Baseline:
        measured.append(1)
        return Baseline(sha="abc", outcomes={"t.py::ü[\\x00]": "failed"}, seconds=1.5)

    first = shelved_baseline(shelf, measure, repo="r", sha="abc", target=farm_target)
    second = shelved_baseline(shelf, measure, repo="r", sha="abc", target=farm_target)
    other = shelved_baseline(shelf, measure, repo="r", sha="def", target=farm_target)

    assert first == second == other
    assert len(measured) == 2


def test_of_two_that_measured_at_the_same_time_the_first_counts(shelf: BaselineRows, farm_target):
    key = baseline_key("r", "concurrent", farm_target)
    first = Baseline(sha="concurrent", outcomes={"a": "passed"}).to_json()
    second = Baseline(sha="concurrent", outcomes={"a": "failed"}).to_json()

    shelf.put(key, first, repo="r", sha="concurrent")
    answer = shelf.put(key, second, repo="r", sha="concurrent")

    assert Baseline.from_json(answer).outcomes == {"a": "passed"}
    assert shelf.get("unknown") is None
