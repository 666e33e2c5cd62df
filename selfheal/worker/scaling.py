"""How many children a worker wants, from what it sees: a decision without any doing."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a worker sees of itself, its queues and its machine. Memory is in bytes."""

    processes: int
    busy: int
    """Messages it holds; each keeps a child busy or is about to."""
    ready: int
    """Messages that wait in its queues."""
    headroom: int
    """Memory that the machine and the cgroups still give."""
    used: int
    """Memory of the children that it has."""
    quiet_seconds: float
    """Since its children were last needed, all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the operator allows. Memory is in bytes."""

    fewest: int
    most: int
    share: float
    """Of the messages that wait, what this worker answers for."""
    child: int
    """Memory that a child may come to need."""
    reserve: int
    """Memory that is left to others."""
    quiet_seconds: float
    """How long children are kept that nothing needs."""


def needed(load: Load, bounds: Bounds) -> int:
    """Children that the work at hand keeps busy, within the bounds."""
    waiting = ceil(load.ready * bounds.share)
    return min(max(load.busy + waiting, bounds.fewest), bounds.most)


def affordable(load: Load, bounds: Bounds) -> int:
    """Children that memory is enough for when each has come to need all that it may."""
    return (load.headroom + load.used - bounds.reserve) // bounds.child


def wanted(load: Load, bounds: Bounds) -> int:
    """The number of children to have now: never fewer than the bounds say, or than are busy.

    More at once; fewer when they were not needed for a while. When memory runs out, those that are
    idle go at once, and of those that work calls for one at each look.
    """
    short = load.headroom < bounds.reserve
    target = needed(load, bounds)
    if target > load.processes:
        target = max(load.processes, min(target, affordable(load, bounds)))
    elif not short and load.quiet_seconds < bounds.quiet_seconds:
        target = load.processes
    if short:
        target = min(target, load.processes - 1)
    return max(target, bounds.fewest, min(load.busy, load.processes))
