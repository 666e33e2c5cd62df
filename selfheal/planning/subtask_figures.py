"""Figures of a plan of SubTasks (PA-5): how long it takes at the least, how complex it is."""

from __future__ import annotations

from collections.abc import Sequence

from selfheal.contracts.decomposition import SubTask

STEPS_SHARE, DENSITY_SHARE, COST_SHARE = 0.4, 0.3, 0.3
DEAREST_TIER = 5


def longest_way(plan: Sequence[SubTask]) -> int:
    """Seconds until the last SubTask has ended if each begins as soon as it may."""
    ends: dict[int, int] = {}
    for task in plan:
        begins = max((ends[step] for step in task.depends_on), default=0)
        ends[task.step] = begins + task.estimated_duration_seconds
    return max(ends.values())


def complexity(plan: Sequence[SubTask], *, most: int) -> float:
    """0 to 1, two decimals: 0.4 by steps, 0.3 by dependency density, 0.3 by cost tiers.

    Steps count as their share of the `most` that a plan may have; density is the share of
    the n(n-1)/2 dependencies that n ordered steps could have; tiers count by their mean, 1 being 0
    and 5 being 1.
    """
    score = (
        STEPS_SHARE * min(len(plan) / most, 1.0)
        + DENSITY_SHARE * _density(plan)
        + COST_SHARE * _cost(plan)
    )
    return round(score, 2)


def _density(plan: Sequence[SubTask]) -> float:
    possible = len(plan) * (len(plan) - 1) / 2
    return sum(len(set(task.depends_on)) for task in plan) / possible if possible else 0.0


def _cost(plan: Sequence[SubTask]) -> float:
    mean = sum(task.estimated_cost_tier for task in plan) / len(plan)
    return (mean - 1) / (DEAREST_TIER - 1)
