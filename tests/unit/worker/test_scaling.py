"""How many children a worker wants."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from selfheal.worker.scaling import Bounds, Load, wanted

MB = 1 << 20
BOUNDS = Bounds(fewest=1, most=8, share=1.0, child=1000 * MB, reserve=500 * MB, quiet_seconds=30.0)
PLENTY = 100_000 * MB
IDLE = Load(processes=1, busy=0, ready=0, headroom=PLENTY, used=0, quiet_seconds=0.0)


def test_nothing_to_do_needs_the_fewest() -> None:
    assert wanted(IDLE, BOUNDS) == 1
    assert wanted(replace(IDLE, processes=8, quiet_seconds=31.0), BOUNDS) == 1


def test_what_waits_gets_children_at_once() -> None:
    assert wanted(replace(IDLE, busy=1, ready=3), BOUNDS) == 4


def test_a_long_backlog_stays_within_the_bounds() -> None:
    assert wanted(replace(IDLE, busy=1, ready=5_000), BOUNDS) == 8


def test_a_backlog_that_others_share_is_answered_in_part() -> None:
    assert wanted(replace(IDLE, busy=1, ready=6), replace(BOUNDS, share=1 / 3)) == 3
    assert wanted(replace(IDLE, busy=1, ready=1), replace(BOUNDS, share=1 / 3)) == 2


def test_children_that_nothing_needs_are_kept_for_a_while() -> None:
    crowd = replace(IDLE, processes=6, busy=2)

    assert wanted(replace(crowd, quiet_seconds=29.0), BOUNDS) == 6
    assert wanted(replace(crowd, quiet_seconds=31.0), BOUNDS) == 2


def test_memory_bounds_growth_by_what_children_may_come_to_need() -> None:
    # Three children are there and hold little yet: 3000 MB are spoken for.
    load = replace(IDLE, processes=3, busy=3, ready=10, headroom=5_400 * MB, used=100 * MB)

    assert wanted(load, BOUNDS) == 5


def test_idle_children_go_at_once_when_memory_runs_out() -> None:
    crowd = replace(IDLE, processes=6, busy=2, headroom=400 * MB, used=3_000 * MB)

    assert wanted(crowd, BOUNDS) == 2
    assert wanted(replace(crowd, ready=10), BOUNDS) == 5
    assert wanted(replace(crowd, busy=6), BOUNDS) == 6


loads = st.builds(
    Load,
    processes=st.integers(1, 12),
    busy=st.integers(0, 14),
    ready=st.integers(0, 10_000),
    headroom=st.integers(0, PLENTY),
    used=st.integers(0, PLENTY),
    quiet_seconds=st.floats(0, 100),
)
bounds = st.builds(
    lambda fewest, more, share, child: replace(
        BOUNDS, fewest=fewest, most=fewest + more, share=share, child=child * MB
    ),
    st.integers(1, 6),
    st.integers(0, 6),
    st.floats(0.01, 1.0),
    st.integers(1, 4_000),
)


@given(loads, bounds)
def test_never_below_the_fewest_nor_below_the_busy(load: Load, bound: Bounds) -> None:
    number = wanted(load, bound)

    assert number >= bound.fewest
    assert number >= min(load.busy, load.processes)


@given(loads, bounds)
def test_never_more_than_the_most_but_for_those_that_are_busy(load: Load, bound: Bounds) -> None:
    settled = replace(load, quiet_seconds=100.0)

    assert wanted(settled, bound) <= max(bound.most, load.busy)


@given(loads, bounds, st.integers(0, 1_000))
def test_more_work_never_means_fewer_children(load: Load, bound: Bounds, more: int) -> None:
    assert wanted(replace(load, ready=load.ready + more), bound) >= wanted(load, bound)


@given(loads, bounds)
def test_nothing_grows_while_memory_is_short(load: Load, bound: Bounds) -> None:
    short = replace(load, headroom=bound.reserve - 1)

    assert wanted(short, bound) <= max(load.processes, bound.fewest)
