"""Waiting for a condition of the outside world that nothing announces."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE = 0.02


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Whether the condition came true within so many seconds; it is asked at least once."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(PAUSE)
    return True
