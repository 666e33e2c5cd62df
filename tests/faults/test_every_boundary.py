"""Every fault at every boundary. Minutes long; `test_short.py` has a handful of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from selfheal.contracts import names
from selfheal.contracts.run_report import State
from tests.faults.harness import BOUNDARIES, Arena, Blow, Boundary
from tests.faults.invariants import check_all
from tests.faults.project import plant

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ONE = ("shop/stock.py",)

BLOWS: dict[str, Callable[[Arena], tuple[Blow, ...]]] = {
    "child": lambda arena: (arena.kill_child,),
    "worker": lambda arena: (arena.kill_worker,),
    "main_process": lambda arena: (arena.kill_main,),
    "sweeper": lambda arena: (arena.kill_sweeper,),
    "sweeper_and_child": lambda arena: (arena.kill_sweeper, arena.kill_child),
}

AGAIN = tuple(one for one in BOUNDARIES if one.stage not in ("committed", "built"))
"""Boundaries that an attempt which takes over comes to as well."""

BEYOND_FETCHING = tuple(one for one in BOUNDARIES if one.stage != "begun")
"""Work begins with a fetch. Who sleeps in it holds the lock on its host's mirror, and the others on
that host wait for as long as a fetch may take."""

STATES: tuple[State, ...] = (
    "RECEIVED",
    "PLANNING",
    "PLANNED",
    "CODE_PLANNING",
    "CODING",
    "LANDING",
    "BUILD1",
)


# The same process is not killed twice in a row: `up` gives up on one that dies again and again.
@pytest.mark.parametrize(("boundary", "blow"), tuple(product(BOUNDARIES, BLOWS)), ids=str)
def test_killed(boundary: Boundary, blow: str, quick_arena: Arena, tmp_path: Path) -> None:
    origin = plant(tmp_path, broken=ONE)
    request_id = quick_arena.submit(origin)

    quick_arena.strike(request_id, boundary, *BLOWS[blow](quick_arena))

    check_all(quick_arena, request_id, origin)


@pytest.mark.parametrize("boundary", AGAIN, ids=str)
def test_three_children_killed_in_a_row(
    boundary: Boundary, quick_arena: Arena, tmp_path: Path
) -> None:
    origin = plant(tmp_path, broken=ONE)
    request_id = quick_arena.submit(origin)

    for _ in range(3):
        victim = quick_arena.strike(request_id, boundary, quick_arena.kill_child)

    check_all(quick_arena, request_id, origin)
    assert quick_arena.endings(victim) == ["lost", "lost", "lost", "accepted"]


@pytest.mark.parametrize("boundary", BOUNDARIES, ids=str)
def test_asleep_until_another_one_has_taken_over(
    boundary: Boundary, quick_arena: Arena, tmp_path: Path
) -> None:
    origin = plant(tmp_path, broken=ONE)
    request_id = quick_arena.submit(origin)

    with quick_arena.asleep(request_id, boundary) as sleeper:
        quick_arena.await_that(
            lambda: len(quick_arena.endings(sleeper)) == 2, what=f"a takeover of {sleeper}"
        )

    check_all(quick_arena, request_id, origin)
    assert quick_arena.endings(sleeper) == ["lost", "accepted"]


@pytest.mark.parametrize("boundary", BEYOND_FETCHING, ids=str)
def test_asleep_until_the_end(boundary: Boundary, quick_arena: Arena, tmp_path: Path) -> None:
    origin = plant(tmp_path, broken=ONE)
    request_id = quick_arena.submit(origin)

    with quick_arena.asleep(request_id, boundary) as sleeper:
        quick_arena.end_of(request_id)

    check_all(quick_arena, request_id, origin)
    assert quick_arena.endings(sleeper) == ["lost", "accepted"]


@pytest.mark.parametrize("state", STATES)
def test_the_broker_comes_back_empty(state: State, quick_arena: Arena, tmp_path: Path) -> None:
    origin = plant(tmp_path)
    request_id = quick_arena.submit(origin)

    quick_arena.await_state(request_id, state)
    quick_arena.lose_broker_data()

    check_all(quick_arena, request_id, origin)


def test_the_broker_comes_back_empty_while_no_worker_runs(
    quick_arena: Arena, tmp_path: Path
) -> None:
    origin = plant(tmp_path, broken=ONE)
    quick_arena.restarting = False
    quick_arena.kill_worker()
    request_id = quick_arena.submit(origin)
    quick_arena.await_queued("planning")

    quick_arena.lose_broker_data()
    quick_arena.restarting = True

    check_all(quick_arena, request_id, origin)


@pytest.mark.parametrize("blow", [Arena.kill_children, Arena.kill_worker])
def test_killed_while_a_submission_is_being_accepted(
    blow: Callable[[Arena], None], quick_arena: Arena, tmp_path: Path
) -> None:
    origin = plant(tmp_path, broken=ONE)

    with quick_arena.stuck_submission(origin) as request_id:
        blow(quick_arena)

    quick_arena.await_acceptance(request_id)
    check_all(quick_arena, request_id, origin)


def test_everything_dies_at_once(quick_arena: Arena, tmp_path: Path) -> None:
    origin = plant(tmp_path)
    request_id = quick_arena.submit(origin)

    quick_arena.strike(
        request_id,
        Boundary(names.CODE, "drafted"),
        quick_arena.kill_sweeper,
        quick_arena.kill_worker,
        quick_arena.lose_broker_data,
    )

    check_all(quick_arena, request_id, origin)
