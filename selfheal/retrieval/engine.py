"""Comparing vectors (RAG-4): what an engine is asked, and the one that needs no server."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Vector = Sequence[float] | Mapping[int, float]
"""Dense: all its places. Sparse: those that are not 0, by number; its length is 1."""


@dataclass(frozen=True, slots=True)
class Points:
    """Vectors of one space, by key.

    A key stands for what its vector was made from, so that a vector never changes and an engine may
    keep it, for all commits and hosts. `make` is asked for those alone that the engine lacks.
    """

    space: str
    keys: Collection[str]
    make: Callable[[Collection[str]], Mapping[str, Vector]]


class VectorEngine(Protocol):
    """Says how near points are to a query; tests hold all engines to the same answers."""

    @property
    def name(self) -> str: ...

    def cosines(self, query: str, points: Points) -> Mapping[str, float]:
        """The cosine of the query and each point, by key; one of 0 may be left out.

        `query` is a key too: `points.make` has its vector. Raises what `make` raises, and
        EngineUnavailable where the engine does not answer in its time.
        """
        ...


class ExactEngine:
    """Compares here, with each point."""

    name = "this process"

    def cosines(self, query: str, points: Points) -> Mapping[str, float]:
        """As the protocol says."""
        vectors = points.make([query, *points.keys])
        return {key: cosine(vectors[query], vectors[key]) for key in points.keys}


def cosine(one: Vector, other: Vector) -> float:
    """Of two vectors of one space; 0 where one of them says nothing."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return math.fsum(weight * other.get(place, 0.0) for place, weight in one.items())
    assert not isinstance(one, Mapping) and not isinstance(other, Mapping)
    dot = math.fsum(a * b for a, b in zip(one, other, strict=True))
    return dot / (math.hypot(*one) * math.hypot(*other) or 1.0)
