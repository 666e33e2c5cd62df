"""A look is shared by all who ask for it."""

from __future__ import annotations

import asyncio
import threading

from structlog.testing import capture_logs

from selfheal.errors import StoreUnavailable
from selfheal.service.lookout import FRESH_SECONDS, Lookout


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_many_who_ask_at_once_cost_one_look_and_one_who_leaves_does_not_end_it() -> None:
    may_end, looks = threading.Event(), []

    def slow() -> str:
        looks.append(1)
        assert may_end.wait(30)
        return "there"

    async def crowd() -> list[bool]:
        lookout = Lookout({"database": slow})
        asking = [asyncio.ensure_future(lookout.report()) for _ in range(50)]
        await asyncio.sleep(0)
        asking.pop(0).cancel()
        may_end.set()
        return [found.ready for found in await asyncio.gather(*asking)]

    assert asyncio.run(crowd()) == [True] * 49
    assert len(looks) == 1


def test_what_was_found_is_said_again_until_it_is_stale() -> None:
    clock, looks = Clock(), []

    async def ask() -> None:
        lookout = Lookout({"broker": lambda: looks.append(1) or "there"}, clock=clock)
        await lookout.report()
        clock.now = FRESH_SECONDS - 0.1
        await lookout.report()
        assert len(looks) == 1
        clock.now = FRESH_SECONDS
        await lookout.report()
        assert len(looks) == 2

    asyncio.run(ask())


def test_what_is_away_is_named_and_why_stands_in_the_log_alone() -> None:
    def away() -> str:
        raise StoreUnavailable("PostgreSQL does not answer at user@inner-host")

    lookout = Lookout({"database": away, "broker": lambda: "there"})

    with capture_logs() as lines:
        found = asyncio.run(lookout.report())

    assert (found.ready, found.checks) == (False, {"database": False, "broker": True})
    assert [(line["action"], line["what"]) for line in lines] == [("ready.away", "database")]
    assert "inner-host" in lines[0]["found"]
