"""Where boxes and arrows go: columns from left to right, after Sugiyama, Tagawa and Toda (1981).

Each box stands one column right of what it follows; an arrow over several columns passes through a
waypoint in each. Within a column the order is that of the neighbours' middles, which leaves few
crossings; then every box moves towards the middle of its neighbours as far as there is room.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from selfheal.diagrams.diagram import Arrow, Diagram

WIDTH: Final = 252
HEIGHT: Final = 74
COLUMN: Final = 332
GAP: Final = 22
MARGIN: Final = 24
_SWEEPS: Final = 6

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """The middle of each box by key, the way of each arrow, and the size of the whole."""

    middles: dict[str, Point]
    ways: tuple[tuple[Arrow, tuple[Point, ...]], ...]
    width: float
    height: float


def layout_of(diagram: Diagram) -> Layout:
    """Places every box and arrow; the top left corner is (0, 0)."""
    grid = _Grid(diagram)
    for sweep in range(_SWEEPS):
        grid.order(forward=sweep % 2 == 0)
    grid.stack()
    for sweep in range(_SWEEPS):
        grid.relax(forward=sweep % 2 == 0)
    return grid.layout()


class _Grid:
    def __init__(self, diagram: Diagram) -> None:
        self._layers = dict(diagram.layers())
        self._boxes = frozenset(self._layers)
        self._chains = [self._chain(a) for a in diagram.arrows if self._is_drawn(a)]
        self._columns: list[list[str]] = [
            [] for _ in range(max(self._layers.values(), default=-1) + 1)
        ]
        for key, layer in self._layers.items():
            self._columns[layer].append(key)
        self._before: dict[str, list[str]] = defaultdict(list)
        self._after: dict[str, list[str]] = defaultdict(list)
        for _, chain in self._chains:
            for one, next_one in pairwise(chain):
                self._after[one].append(next_one)
                self._before[next_one].append(one)
        self._tops: dict[str, float] = {}

    def _is_drawn(self, arrow: Arrow) -> bool:
        known = arrow.source in self._boxes and arrow.target in self._boxes
        return known and self._layers[arrow.source] < self._layers[arrow.target]

    def _chain(self, arrow: Arrow) -> tuple[Arrow, list[str]]:
        """The boxes of an arrow with the waypoints between them."""
        first, last = self._layers[arrow.source], self._layers[arrow.target]
        names = [f"{arrow.source}\0{arrow.target}\0{layer}" for layer in range(first + 1, last)]
        self._layers.update(zip(names, range(first + 1, last), strict=True))
        return arrow, [arrow.source, *names, arrow.target]

    def order(self, *, forward: bool) -> None:
        """Sorts each column by the middle of its neighbours in the one before (or after) it."""
        columns = self._columns if forward else self._columns[::-1]
        neighbours = self._before if forward else self._after
        for previous, column in pairwise(columns):
            places = {key: place for place, key in enumerate(previous)}
            own = {key: place for place, key in enumerate(column)}
            means = {
                key: _mean([places[n] for n in neighbours[key] if n in places], own[key])
                for key in column
            }
            column.sort(key=lambda key: (means[key], own[key]))

    def stack(self) -> None:
        """Puts the boxes of each column under each other."""
        for column in self._columns:
            top = 0.0
            for key in column:
                self._tops[key] = top
                top += self._height(key) + GAP

    def relax(self, *, forward: bool) -> None:
        """Moves each box towards its neighbours, the order in its column kept."""
        neighbours = self._before if forward else self._after
        for column in self._columns if forward else self._columns[::-1]:
            wanted = [self._wanted(key, neighbours[key]) for key in column]
            tops = _spread(wanted, [self._height(key) + GAP for key in column])
            self._tops.update(zip(column, tops, strict=True))

    def layout(self) -> Layout:
        """The places as they are now."""
        lowest = min(self._tops.values(), default=0.0)
        middles = {
            key: (
                MARGIN + self._layers[key] * COLUMN + WIDTH / 2,
                MARGIN + top - lowest + self._height(key) / 2,
            )
            for key, top in self._tops.items()
        }
        bottom = max((y + self._height(key) / 2 for key, (_, y) in middles.items()), default=0.0)
        ways = tuple((a, tuple(middles[key] for key in chain)) for a, chain in self._chains)
        boxes = {key: middle for key, middle in middles.items() if key in self._boxes}
        width = 2 * MARGIN + WIDTH + COLUMN * max(len(self._columns) - 1, 0)
        return Layout(boxes, ways, width, bottom + MARGIN)

    def _height(self, key: str) -> float:
        return HEIGHT if key in self._boxes else 0.0

    def _wanted(self, key: str, neighbours: Sequence[str]) -> float:
        half = self._height(key) / 2
        middles = [self._tops[n] + self._height(n) / 2 for n in neighbours]
        return _mean(middles, self._tops[key] + half) - half


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _spread(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Tops near the wanted ones, in the same order, none within the height of the one before.

    Neighbours that would overlap form a block, which stands at the mean of what they want.
    """
    blocks: list[tuple[float, list[int]]] = []
    offsets = [0.0] * len(wanted)
    for index, top in enumerate(wanted):
        members, start = [index], top
        while (
            blocks
            and blocks[-1][0] + offsets[blocks[-1][1][-1]] + heights[blocks[-1][1][-1]] > start
        ):
            _, earlier = blocks.pop()
            members = [*earlier, *members]
            for one, other in pairwise(members):
                offsets[other] = offsets[one] + heights[one]
            start = _mean([wanted[m] - offsets[m] for m in members], start)
        blocks.append((start, members))
    tops = [0.0] * len(wanted)
    for start, members in blocks:
        for member in members:
            tops[member] = start + offsets[member]
    return tops
