"""What an attempt spends of its request's budget."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from selfheal.flows.attempting import Running
from selfheal.store import budgets
from selfheal.store.budgets import Spend


@contextmanager
def spending_seconds(running: Running, wanted: float) -> Iterator[float]:
    """Seconds of work, at most `wanted`, that the budget still grants; settled at the end."""
    request_id = running.attempt.work.request_id
    with running.step() as connection:
        granted = budgets.reserve(connection, request_id, Spend(seconds=wanted))
    began = time.monotonic()
    try:
        yield granted.seconds
    finally:
        used = Spend(seconds=time.monotonic() - began)
        with running.farm.database.begin() as connection:
            budgets.settle(connection, request_id, granted, used)
