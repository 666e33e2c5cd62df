"""Random task graphs: some wide, some deep, tasks of very different lengths."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

TYPICAL_SECONDS = 120.0
SPREAD = 0.9  # of a lognormal: one task in twenty is four times as long as the median
MISJUDGED = 0.5  # of the lognormal error of an estimate: two thirds are within a factor of 1.65
REACH = 40  # parents are among so many tasks before


@dataclass(frozen=True)
class Graph:
    """Tasks 0..n-1 with their parents, all of smaller number, and their seconds."""

    parents: tuple[tuple[int, ...], ...]
    seconds: tuple[float, ...]
    estimates: tuple[float, ...]

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """Of each task the longest way above it, in tasks."""
        found: list[int] = []
        for ups in self.parents:
            found.append(1 + max((found[up] for up in ups), default=-1))
        return tuple(found)

    @cached_property
    def critical_path(self) -> float:
        """Seconds of the longest way through the graph."""
        ends: list[float] = []
        for ups, own in zip(self.parents, self.seconds, strict=True):
            ends.append(own + max((ends[up] for up in ups), default=0.0))
        return max(ends)

    def bound(self, workers: int) -> float:
        """No schedule on so many workers is shorter (Graham 1969)."""
        return max(self.critical_path, sum(self.seconds) / workers)

    def in_waves(self, workers: int) -> float:
        """Seconds where each level is a group that starts when the one above it has ended."""
        waves: dict[int, list[float]] = {}
        for level, own in zip(self.levels, self.seconds, strict=True):
            waves.setdefault(level, []).append(own)
        return sum(_one_after_the_other(wave, workers) for wave in waves.values())


def random_graph(tasks: int, chance: random.Random) -> Graph:
    """A graph whose tasks have one parent or two on average, from one wide level to long chains."""
    most = chance.choice((1, 2, 3))
    free = chance.uniform(0.05, 0.4)
    parents = tuple(
        ()
        if number == 0 or chance.random() < free
        else tuple(
            chance.sample(
                range(max(0, number - REACH), number), min(number, chance.randint(1, most))
            )
        )
        for number in range(tasks)
    )
    seconds = tuple(TYPICAL_SECONDS * chance.lognormvariate(0, SPREAD) for _ in range(tasks))
    estimates = tuple(one * chance.lognormvariate(0, MISJUDGED) for one in seconds)
    return Graph(parents, seconds, estimates)


def _one_after_the_other(wave: Sequence[float], workers: int) -> float:
    free = [0.0] * workers
    for own in wave:
        first = min(range(workers), key=free.__getitem__)
        free[first] += own
    return max(free)
