"""How an arm has done so far: measured, never typed in."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Track:
    """Counts and times the work of one process; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done = 0
        self._failed = 0
        self._seconds = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Around one piece of work; an exception is its failure."""
        began = time.monotonic()
        try:
            yield
        except Exception:
            self._add(time.monotonic() - began, failed=True)
            raise
        self._add(time.monotonic() - began, failed=False)

    @property
    def average_latency_ms(self) -> float | None:
        """Mean time of a piece of work, failed ones too; None before the first."""
        with self._lock:
            return round(1000 * self._seconds / self._all, 3) if self._all else None

    @property
    def success_rate(self) -> float | None:
        """Share of what did not fail; None before the first."""
        with self._lock:
            return round(self._done / self._all, 4) if self._all else None

    @property
    def _all(self) -> int:
        return self._done + self._failed

    def _add(self, seconds: float, *, failed: bool) -> None:
        with self._lock:
            self._seconds += seconds
            if failed:
                self._failed += 1
            else:
                self._done += 1
