"""A circuit breaker: who keeps failing is left alone for a while, then asked once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from selfheal.errors import CircuitOpen

CircuitState = Literal["closed", "open", "half_open"]


class Circuit:
    """Closed until `failures` calls in a row have failed, then open for `open_seconds`.

    After that it is half open: one call goes through, and closes it or opens it again. Threads may
    share it; what processes share belongs into rows.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = 5,
        open_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._most, self._open_seconds, self._clock = failures, open_seconds, clock
        self._lock = threading.Lock()
        self._failed = 0
        self._opened_at: float | None = None
        self._probing = False

    @property
    def state(self) -> CircuitState:
        """What the next call would find."""
        with self._lock:
            return self._state()

    @property
    def seconds_left(self) -> float:
        """Seconds until the next call is let through; 0 where one would be now."""
        with self._lock:
            return 0.0 if self._opened_at is None else self._waits()

    @contextmanager
    def guard(self, *failures: type[Exception]) -> Iterator[None]:
        """Around one call; raises CircuitOpen instead of letting it through.

        An exception of one of `failures` counts against who is called, any other does not: whoever
        refuses a request is there.
        """
        is_probe = self._enter()
        failed = False
        try:
            yield
        except failures:
            failed = True
            raise
        finally:
            self._leave(failed=failed, is_probe=is_probe)

    def _state(self) -> CircuitState:
        if self._opened_at is None:
            return "closed"
        return "open" if self._waits() else "half_open"

    def _waits(self) -> float:
        assert self._opened_at is not None
        return round(max(0.0, self._opened_at + self._open_seconds - self._clock()), 3)

    def _enter(self) -> bool:
        """Let a call through, and say whether it is the one of a half-open circuit."""
        with self._lock:
            state = self._state()
            if state == "closed":
                return False
            if state == "open" or self._probing:
                raise CircuitOpen(self._name, self._waits())
            self._probing = True
            return True

    def _leave(self, *, failed: bool, is_probe: bool) -> None:
        with self._lock:
            if is_probe:
                self._probing = False
            self._failed = self._failed + 1 if failed else 0
            if not failed:
                self._opened_at = None
            elif is_probe or (self._opened_at is None and self._failed >= self._most):
                self._opened_at = self._clock()
