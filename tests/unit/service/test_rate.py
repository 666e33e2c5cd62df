"""How often one caller may ask, by a clock that the test moves."""

from __future__ import annotations

import pytest

from selfheal.errors import RateLimited
from selfheal.service.rate import Rate


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_requests_may_come_at_once_and_no_more() -> None:
    rate = Rate(3, clock=Clock())

    for _ in range(3):
        rate.spend("ci")

    with pytest.raises(RateLimited, match="3 requests a minute"):
        rate.spend("ci")


def test_room_comes_back_with_time_and_is_never_more_than_a_minutes() -> None:
    clock = Clock()
    rate = Rate(2, clock=clock)
    rate.spend("ci")
    rate.spend("ci")

    clock.now += 30
    rate.spend("ci")
    with pytest.raises(RateLimited):
        rate.spend("ci")

    clock.now += 3600
    rate.spend("ci")
    rate.spend("ci")
    with pytest.raises(RateLimited):
        rate.spend("ci")


def test_one_callers_haste_costs_the_others_nothing() -> None:
    rate = Rate(1, clock=Clock())
    rate.spend("ci")

    rate.spend("nightly")

    with pytest.raises(RateLimited):
        rate.spend("ci")
