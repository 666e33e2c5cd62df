"""Watched repositories: what newly fails is asked for, once; what was known is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from sqlalchemy import text

from selfheal.errors import InvalidInput, InvalidRepository, UnknownId
from selfheal.flows import refresh, scan, watch_repo
from selfheal.flows.fire import fire_now
from selfheal.flows.watch_repo import Wanted
from selfheal.store import firings, repositories, requests, schedules
from selfheal.store.firings import FiringRow
from selfheal.store.requests import RequestRow
from selfheal.timing import Interval
from tests.integration.flows.conftest import OneProcessFarm, commit_all

HOURLY = Interval(3600)

GREEN = {
    "sums.py": "def total(prices):\n    return sum(prices)\n",
    "names.py": 'def greet(name):\n    return f"Hello {name}"\n',
    "test_sums.py": (
        "from sums import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
    ),
    "test_names.py": (
        "from names import greet\n\n\ndef test_greet():\n    assert greet('you') == 'Hello you'\n"
    ),
}
WRONG_SUM = {"sums.py": "def total(prices):\n    return max(prices)\n"}
WRONG_NAME = {"names.py": 'def greet(name):\n    return f"Hi {name}"\n'}
TOTAL, GREET = "test_sums.py::test_total", "test_names.py::test_greet"


class Watched:
    """A watched repository, its head moved and scanned at will."""

    def __init__(self, farm: OneProcessFarm, origin: Path) -> None:
        self.farm = farm.farm
        self.origin = origin
        wanted = Wanted(repo=str(origin), branch="main", scans=HOURLY, name="shop")
        self.row = watch_repo.watch(self.farm, wanted, by="test")

    def head(self, *changes: Mapping[str, str]) -> str:
        files = self.origin.parent / "origin-files"
        for change in changes:
            for path, content in change.items():
                (files / path).write_text(content)
        return commit_all(self.origin, files)

    def scan(self) -> FiringRow:
        return self._work("scan:shop", scan.scan)

    def refresh(self) -> FiringRow:
        return self._work("refresh:shop", refresh.refresh)

    def asked(self) -> list[RequestRow]:
        with self.farm.database.begin() as connection:
            rows = requests.recent(connection, 100)
        return [row for row in reversed(rows) if row.folded_into is None]

    def known(self) -> tuple[str, ...] | None:
        with self.farm.database.begin() as connection:
            return repositories.load(connection, "shop").failing

    def _work(self, name: str, flow: Callable[..., None]) -> FiringRow:
        message_id = fire_now(self.farm, name)
        with self.farm.database.begin() as connection:
            row = schedules.load(connection, name)
        flow(self.farm, row.id, message_id=message_id)
        with self.farm.database.begin() as connection:
            return firings.newest(connection)[row.id]


@pytest.fixture
def watched(one_process_farm, repository) -> Callable[..., Watched]:
    def make(*changes: Mapping[str, str]) -> Watched:
        files = dict(GREEN)
        for change in changes:
            files.update(change)
        return Watched(one_process_farm, repository(files))

    return make


def test_only_what_newly_fails_is_asked_for_and_each_failure_once(watched) -> None:
    shop = watched(WRONG_NAME)

    first = shop.scan()
    assert (first.state, shop.known(), shop.asked()) == ("done", (GREET,), [])
    assert "1 test fails at" in str(first.note)

    head = shop.head(WRONG_SUM)
    assert "2 tests fail at" in str(shop.scan().note)
    (asked,) = shop.asked()
    assert asked.request.failing_tests == (TOTAL,)
    assert (asked.request.source, asked.request.branch) == ("schedule", "main")
    assert asked.request.repo == str(shop.origin)
    assert head[:10] in asked.request.description

    shop.scan()
    shop.head({"README": "something else\n"})
    shop.scan()
    assert [row.id for row in shop.asked()] == [asked.id]


@pytest.mark.slow
def test_a_failure_that_comes_back_folds_into_its_open_request(watched) -> None:
    shop = watched()
    shop.scan()
    shop.head(WRONG_SUM)
    shop.scan()
    shop.head(GREEN)
    shop.scan()
    assert shop.known() == ()

    shop.head(WRONG_SUM)
    shop.scan()

    (asked,) = shop.asked()
    assert asked.repeats == 1
    shop.head(WRONG_NAME)
    shop.scan()
    assert [row.request.failing_tests for row in shop.asked()] == [(TOTAL,), (GREET,)]


@pytest.mark.slow
def test_a_request_of_a_scan_needs_no_second_measurement_and_heals(
    one_process_farm, watched
) -> None:
    shop = watched()
    shop.scan()
    shop.head(WRONG_SUM)
    shop.scan()
    measured = baselines(shop)
    one_process_farm.turns.waiting = [
        message for message in one_process_farm.turns.waiting if message.request_id
    ]

    for _ in range(2):  # the plan, and what comes after it
        one_process_farm.turn()

    (asked,) = shop.asked()
    assert asked.state not in ("RECEIVED", "FAILED"), asked.reason
    assert baselines(shop) == measured


def baselines(shop: Watched) -> int:
    with shop.farm.database.begin() as connection:
        return int(connection.execute(text("SELECT count(*) FROM baselines")).scalar_one())


def test_tests_that_cannot_be_run_fail_the_scan_and_change_nothing_known(watched) -> None:
    shop = watched(WRONG_NAME)
    shop.scan()
    (files,) = [shop.origin.parent / "origin-files"]
    for test in ("test_sums.py", "test_names.py"):
        (files / test).unlink()
    commit_all(shop.origin, files)

    said = shop.scan()

    assert said.state == "failed"
    assert "found no tests" in str(said.note)
    assert (shop.known(), shop.asked()) == ((GREET,), [])


def test_a_refresh_measures_ahead_and_asks_for_nothing(watched) -> None:
    shop = watched()
    shop.scan()
    shop.head(WRONG_SUM)

    said = shop.refresh()

    assert (said.state, shop.asked(), shop.known()) == ("done", [], ())
    assert baselines(shop) == 2
    shop.scan()
    assert baselines(shop) == 2
    assert len(shop.asked()) == 1


@pytest.mark.slow
def test_two_scans_at_once_ask_once(watched) -> None:
    shop = watched()
    shop.scan()
    sha = shop.head(WRONG_SUM)
    with shop.farm.database.begin() as connection:
        repositories.note_scan(connection, shop.row.id, sha=sha, failing=())
    shop.scan()
    with shop.farm.database.begin() as connection:  # as the other one had found it
        repositories.note_scan(connection, shop.row.id, sha=sha, failing=())

    shop.scan()

    (asked,) = shop.asked()
    assert asked.repeats == 0


def test_what_is_watched_has_two_schedules_and_they_go_with_it(watched) -> None:
    shop = watched()

    with shop.farm.database.begin() as connection:
        made = schedules.of_repository(connection, shop.row.id)
    gone = watch_repo.unwatch(shop.farm, "shop")

    assert [(row.name, row.job) for row in made] == [
        ("refresh:shop", "refresh"),
        ("scan:shop", "scan"),
    ]
    assert gone.id == shop.row.id
    with shop.farm.database.begin() as connection:
        assert repositories.every(connection) == ()
        assert schedules.of_repository(connection, shop.row.id) == ()
    with pytest.raises(UnknownId, match="no watched repository is called 'shop'"):
        watch_repo.unwatch(shop.farm, "shop")


def test_a_repository_that_cannot_be_watched_is_told_at_once(watched, tmp_path: Path) -> None:
    shop = watched()

    def watch(repo: Path, branch: str = "main", name: str | None = None) -> None:
        wanted = Wanted(repo=str(repo), branch=branch, scans=HOURLY, name=name)
        watch_repo.watch(shop.farm, wanted, by="test")

    with pytest.raises(InvalidRepository, match="no branch or commit 'nosuch'; its branches are"):
        watch(shop.origin, "nosuch")
    with pytest.raises(InvalidRepository, match="does not answer as a git repository"):
        watch(tmp_path)
    with pytest.raises(InvalidInput, match="is watched already"):
        watch(shop.origin)
    with pytest.raises(InvalidInput, match="name: expected"):
        watch(shop.origin, name="a b")
