"""Pauses between calls, by a clock that only moves when somebody sleeps."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from selfheal.errors import Cancelled
from selfheal.llm.patience import Patience


@dataclass
class HandClock:
    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def patience(clock: HandClock, *, chance: float = 1.0) -> Patience:
    return Patience(chance=lambda: chance, clock=lambda: clock.now, sleep=clock.sleep)


def test_pauses_grow_up_to_a_bound_and_differ() -> None:
    longest, shortest = (patience(HandClock(), chance=chance) for chance in (1.0, 0.0))

    assert [longest.before_retry(number, None) for number in range(1, 7)] == [
        *(0.5, 1.0, 2.0, 4.0),
        *(8.0, 8.0),
    ]
    assert shortest.before_retry(3, None) == 1.0


def test_a_provider_is_not_asked_before_it_said() -> None:
    assert patience(HandClock(), chance=0.0).before_retry(1, 20.0) == 20.0
    assert patience(HandClock(), chance=1.0).before_retry(1, 20.0) > 20.0


def test_looks_at_a_full_provider_become_rarer_up_to_a_bound() -> None:
    looking = patience(HandClock())

    assert [looking.before_look(number, 0.0) for number in range(1, 6)] == [0.1, 0.2, 0.4, 0.8, 1.0]
    assert looking.before_look(1, 0.3) == 0.3
    assert looking.before_look(1, 40.0) == 1.0


def test_a_wait_lasts_as_long_as_it_should() -> None:
    clock = HandClock()

    patience(clock).wait(1.1, check=lambda: None)

    assert clock.now == pytest.approx(1.1)
    assert max(clock.slept) <= 0.2


def test_a_wait_ends_when_the_work_should() -> None:
    clock = HandClock()

    def check() -> None:
        if clock.now > 0.5:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        patience(clock).wait(100.0, check=check)

    assert clock.now < 1.0
