"""Python's cyclic garbage collector, held off while facts and graphs are built."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Builds without collecting: a million small values without a cycle, looked at again and again.

    That takes a fifth of a plan's time (benchmarks/code_planner.py).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
