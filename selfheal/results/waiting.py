"""Looking at a result again and again, soon at first and then less often."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from celery.exceptions import TimeoutError as WaitedTooLong

FIRST_NAP = 0.005
"""Seconds between the first two looks; doubled until Celery's interval is reached."""


def looks(
    interval: float, timeout: float | None, on_interval: Callable[[], object] | None
) -> Iterator[None]:
    """Yields when to look. Raises Celery's TimeoutError `timeout` seconds after the first look."""
    deadline = None if timeout is None else time.monotonic() + timeout
    nap = min(FIRST_NAP, interval)
    while True:
        yield
        if on_interval:
            on_interval()
        left = nap if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise WaitedTooLong("The operation timed out.")
        time.sleep(min(nap, left))
        nap = min(nap * 2, interval)
