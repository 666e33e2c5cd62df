"""Judges a running process tree by its limits."""

from __future__ import annotations

import time
from collections.abc import Sequence

from .jail import Limit, Limits
from .proctree import Use, children, descendants, proportional_bytes, reaped_cpu_seconds, use_of

TICK = 0.05
"""Seconds between two looks at a running jail."""

# Libraries start a thread per core, so threads are no processes; without a bound they are a bomb.
_THREADS_PER_PROCESS = 4


class Watch:
    """Looks at the tree below a launcher and says which limit it has passed.

    `outer_levels` is how many generations, the launcher included, belong to the sandbox itself and
    are not counted.
    """

    def __init__(self, launcher: int, *, limits: Limits, outer_levels: int) -> None:
        self._launcher = launcher
        self._limits = limits
        self._outer_levels = outer_levels
        self._began = time.monotonic()
        self.seen: list[int] = []
        self.peak_memory_bytes = 0
        self.cpu_seconds = 0.0

    def begin(self) -> None:
        """Sets the clock to zero: building a jail is not the command's time."""
        self._began = time.monotonic()

    @property
    def wall_seconds(self) -> float:
        return time.monotonic() - self._began

    def look(self) -> Limit | None:
        """The first limit that is passed now; also keeps the peaks."""
        if self.wall_seconds > self._limits.wall_seconds:
            return "wall"
        pids, reaped = self._members()
        self.seen = pids
        use = use_of(pids)
        self.cpu_seconds = max(self.cpu_seconds, use.cpu_seconds + reaped)
        self.peak_memory_bytes = max(self.peak_memory_bytes, self._memory(use, pids))
        return self._passed(use)

    def _passed(self, use: Use) -> Limit | None:
        limits = self._limits
        if use.processes > limits.processes:
            return "processes"
        if use.threads > limits.processes * _THREADS_PER_PROCESS:
            return "processes"
        if self.peak_memory_bytes > limits.memory_bytes:
            return "memory"
        if self.cpu_seconds > limits.cpu_seconds:
            return "cpu"
        return None

    def _members(self) -> tuple[list[int], float]:
        """The jailed processes, and the CPU seconds of those that ended as orphans."""
        outer: Sequence[int] = (self._launcher,)
        for _ in range(self._outer_levels - 1):
            outer = [child for pid in outer for child in children(pid)]
        if not self._outer_levels:
            below = descendants(self._launcher, at_most=self._limits.processes + 1)
            return [self._launcher, *below], 0.0
        found: list[int] = []
        for pid in outer:
            found += descendants(pid, at_most=self._limits.processes + 1)
        return found, sum(map(reaped_cpu_seconds, outer))

    def _memory(self, use: Use, pids: list[int]) -> int:
        """Bytes in use; asks for the exact figure only where the quick one would kill."""
        if use.memory_bytes <= self._limits.memory_bytes or len(pids) == 1:
            return use.memory_bytes
        return proportional_bytes(pids) or use.memory_bytes
