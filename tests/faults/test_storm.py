"""Random kills under load; `make faults RUNS=n SEED=s` is the long one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.storm import SEEDS, Weather, blow_over

SHOWER = Weather(
    children=14,
    workers=2,
    sweepers=1,
    pauses=1,
    brokers=1,
    databases=1,
    open_requests=3,
    most_tasks=8,
    mean_seconds=0.05,
)


def test_nothing_is_lost_doubled_or_stuck(quick_disk: Path) -> None:
    log = blow_over(quick_disk / "shower", SHOWER, seed=random.randrange(1 << 31))

    assert log.kills == 16 and log.accepted


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_is_lost_doubled_or_stuck_after_many_kills(quick_disk: Path) -> None:
    log = blow_over(quick_disk / "storm", Weather.of_kills(150), seed=random.randrange(1 << 31))

    assert log.kills == 150 and len(log.accepted) > 10


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", SEEDS.read_text().split())
def test_a_storm_that_once_found_something(seed: str, quick_disk: Path) -> None:
    log = blow_over(quick_disk / f"storm-{seed}", Weather.of_kills(150), seed=int(seed))

    assert log.kills == 150
