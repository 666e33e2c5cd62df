"""A handful of faults, quickly: all of them are in `test_every_boundary.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfheal.contracts import names
from tests.faults.harness import Arena, Boundary
from tests.faults.invariants import check_all
from tests.faults.project import plant

ONE = ("shop/stock.py",)
INDEPENDENT = ("shop/stock.py", "shop/boxes.py", "shop/price.py")
DEPENDENT = ("shop/price.py", "shop/cart.py")


def test_a_child_dies_with_its_drafts_and_the_whole_worker_before_it_has_landed_them(
    quick_arena: Arena, tmp_path: Path
) -> None:
    origin = plant(tmp_path, broken=DEPENDENT)
    request_id = quick_arena.submit(origin)

    coding = quick_arena.strike(request_id, Boundary(names.CODE, "drafted"), quick_arena.kill_child)
    landing = quick_arena.strike(request_id, Boundary(names.LAND, "built"), quick_arena.kill_worker)

    check_all(quick_arena, request_id, origin)
    assert quick_arena.endings(coding) == ["lost", "accepted"]
    assert quick_arena.endings(landing) == ["lost", "accepted"]


def test_the_broker_forgets_what_waits_and_the_sweeper_dies_with_a_child(
    quick_arena: Arena, tmp_path: Path
) -> None:
    origin = plant(tmp_path, broken=INDEPENDENT)
    request_id = quick_arena.submit(origin)

    quick_arena.await_queued("coding")
    quick_arena.lose_broker_data()
    victim = quick_arena.strike(
        request_id,
        Boundary(names.CODE, "committed"),
        quick_arena.kill_sweeper,
        quick_arena.kill_child,
    )

    check_all(quick_arena, request_id, origin)
    assert quick_arena.endings(victim) == ["lost", "accepted"]


@pytest.mark.slow
def test_a_child_that_was_asleep_while_another_one_took_over_changes_nothing(
    quick_arena: Arena, tmp_path: Path
) -> None:
    origin = plant(tmp_path, broken=ONE)
    request_id = quick_arena.submit(origin)

    with quick_arena.asleep(request_id, Boundary(names.CODE, "checked")) as sleeper:
        quick_arena.end_of(request_id)

    check_all(quick_arena, request_id, origin)
    assert quick_arena.endings(sleeper) == ["lost", "accepted"]


@pytest.mark.slow
def test_a_child_dies_with_the_settings_as_they_are_shipped(
    default_arena: Arena, tmp_path: Path
) -> None:
    origin = plant(tmp_path, broken=ONE)
    request_id = default_arena.submit(origin)

    victim = default_arena.strike(
        request_id, Boundary(names.PLAN, "begun"), default_arena.kill_child
    )

    check_all(default_arena, request_id, origin)
    assert default_arena.endings(victim) == ["lost", "accepted"]
