"""What may be bound to what: a fixpoint over variables, re-reading only what changed."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

_MOST_THINGS: Final = 8
"""A variable that may be more things than this says little: further ones are left out, which costs
up to 5 % of the calls of large registries and keeps 1 % of precision (docs/callgraph.md)."""
_MOST_STATED: Final = 64
"""The same for what can be called and one literal states, and where an element of it is taken."""
_CALLABLE: Final = frozenset({"function", "bound", "class", "instance"})
_TURNS_PER_JOB: Final = 12
"""Bounds the work on hostile input; celery and networkx settle in 1.2 to 1.4 turns per job."""


class Thing(NamedTuple):
    """What an expression may stand for.

    `name` is an fq name (a path for modules); `about` is the receiver's class of a bound method,
    the importing path of a namespace package.
    """

    kind: str
    name: str
    about: str = ""


Values = Mapping[Thing, float]
"""Things with their confidence, 0..1."""


class Slot(NamedTuple):
    """A variable: `name` in the scope, class or container `owner`."""

    owner: str
    name: str


class _Held(dict[Thing, float]):
    """What a variable may hold, and the jobs that have read it."""

    __slots__ = ("readers",)

    def __init__(self) -> None:
        self.readers: set[int] = set()


class Flow:
    """Variables with what they may hold; a job is run again when what it read has grown."""

    def __init__(self) -> None:
        self._slots: dict[Slot, _Held] = defaultdict(_Held)
        self._queue: deque[int] = deque()
        self._queued: set[int] = set()
        self._current = -1
        self._jobs: Sequence[Callable[[], None]] = ()
        self._turns = 0

    def read(self, slot: Slot) -> Values:
        """What `slot` may hold; the running job is run again when that grows."""
        held = self._slots[slot]
        if self._current >= 0:
            held.readers.add(self._current)
        return held

    def add(self, slot: Slot, values: Values, *, at_most: float, is_stated: bool = False) -> None:
        """Adds `values` to `slot`, none with a confidence above `at_most`.

        What a literal states, or is an element of one, `is_stated`: there may be more of it.
        """
        held = self._slots[slot]
        grown = False
        for thing, confidence in values.items():
            limited = min(confidence, at_most)
            known = held.get(thing)
            if known is None and len(held) >= _MOST_THINGS:
                is_kept = is_stated and thing.kind in _CALLABLE and len(held) < _MOST_STATED
                if not is_kept:
                    continue
            if known is None or known < limited:
                held[thing] = limited
                grown = True
        if grown:
            self._enqueue(sorted(held.readers))

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Runs every job once, then those whose variables changed, until nothing changes."""
        self._jobs = jobs
        self._turns = _TURNS_PER_JOB * len(jobs)
        self._queue.clear()
        self._queued.clear()
        for held in self._slots.values():
            held.readers.clear()
        self.resume(range(len(jobs)))

    def resume(self, again: Sequence[int]) -> None:
        """Runs these jobs of the last run once more, and what they change."""
        self._enqueue(again)
        while self._queue and self._turns > 0:
            self._turns -= 1
            self._current = self._queue.popleft()
            self._queued.discard(self._current)
            self._jobs[self._current]()
        self._current = -1

    def _enqueue(self, jobs: Sequence[int]) -> None:
        for job in jobs:
            if job not in self._queued:
                self._queued.add(job)
                self._queue.append(job)
