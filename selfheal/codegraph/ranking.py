"""Personalised PageRank (Page and others, 1999; Jeh and Widom, 2003), without numpy or scipy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import fsum
from typing import Final

_DAMPING: Final = 0.85
_ROUNDS: Final = 60
_ENOUGH: Final = 1e-7

Weights = Mapping[str, Mapping[str, float]]
"""How much each node hands on to which others."""


def page_rank(
    nodes: Collection[str], weights: Weights, start: Mapping[str, float] | None = None
) -> dict[str, float]:
    """The share of a walk's time at each node; shares add up to 1.

    The walk begins, and begins again, at the nodes of `start` in proportion, else anywhere; so does
    one that comes to a node which leads nowhere. Sums are exact (`fsum`): `sum` rounds otherwise
    since Python 3.12, and a map is to be the same on each.
    """
    if not nodes:
        return {}
    known = {node: weight for node, weight in (start or {}).items() if node in set(nodes)}
    total = fsum(known.values())
    begin = (
        {node: known.get(node, 0.0) / total for node in nodes}
        if total
        else dict.fromkeys(nodes, 1.0 / len(nodes))
    )
    shares = {
        node: [(other, weight / whole) for other, weight in out.items()]
        for node, out in weights.items()
        if (whole := fsum(out.values()))
    }
    rank = dict(begin)
    for _ in range(_ROUNDS):
        lost = fsum(rank[node] for node in rank if node not in shares)
        again = 1 - _DAMPING + _DAMPING * lost
        following = {node: again * weight for node, weight in begin.items()}
        for node, out in shares.items():
            for other, share in out:
                following[other] += _DAMPING * rank[node] * share
        moved = fsum(abs(following[node] - rank[node]) for node in rank)
        rank = following
        if moved < _ENOUGH:
            break
    return rank
