"""Scores of several signals made one: scaled per query, weighted, added up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def scaled(values: Mapping[Key, float]) -> dict[Key, float]:
    """Between 0 for what has nothing and 1 for the best (min-max with a minimum of nothing)."""
    top = max(values.values(), default=0.0)
    return {key: value / top for key, value in values.items()} if top > 0 else {}


def fused(
    signals: Mapping[str, Mapping[Key, float]], weights: Mapping[str, float]
) -> dict[Key, float]:
    """The weighted sum of the signals that have a weight."""
    found: dict[Key, float] = defaultdict(float)
    for signal, values in signals.items():
        if weight := weights.get(signal, 0.0):
            for key, value in values.items():
                found[key] += weight * value
    return dict(found)


def shares(
    signals: Mapping[str, Mapping[Key, float]], weights: Mapping[str, float], key: Key
) -> str:
    """What each signal gave to a score, largest first, in words."""
    given = {s: weights.get(s, 0.0) * values.get(key, 0.0) for s, values in signals.items()}
    largest = sorted(given, key=lambda signal: (-given[signal], signal))
    return ", ".join(f"{signal} {given[signal]:.2f}" for signal in largest if given[signal] > 0.005)
