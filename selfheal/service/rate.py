"""How often one caller may ask: a bucket for each, in this process's memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from selfheal.errors import RateLimited


class Rate:
    """So many requests a minute, all of them at once if need be, then as they come in again.

    Callers are those who were recognised, so there are as many buckets as good tokens. Several
    processes count each for itself: together they let through as many times the rate.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}
        """What is left of each caller's, and as of when."""

    def spend(self, caller: str) -> None:
        """Count one request; raises RateLimited when none is left."""
        with self._lock:
            left = self._left(caller)
            self._buckets[caller] = (max(left - 1, 0.0), self._clock())
        if left < 1:
            raise RateLimited(
                f"{self._per_minute} requests a minute are served to one token: ask more slowly"
            )

    def _left(self, caller: str) -> float:
        if caller not in self._buckets:
            return float(self._per_minute)
        left, since = self._buckets[caller]
        return min(self._per_minute, left + (self._clock() - since) * self._per_minute / 60)
