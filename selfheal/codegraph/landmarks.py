"""A map of a repository: the files and symbols that it turns on, within a number of tokens."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from selfheal.codegraph.ranking import page_rank
from selfheal.codegraph.terrain import Mark, Terrain
from selfheal.codegraph.tests_impact import is_test_file

LETTERS_A_TOKEN: Final = 4
"""What a token of code is on average, over common tokenizers."""
_TEST_SHARE: Final = 0.2
_FOCUS: Final = 50.0


@dataclass(frozen=True, slots=True)
class Landmark:
    """A symbol on the map with its share of the importance of all."""

    fq_name: str
    path: str
    line: int
    signature: str
    depth: int
    rank: float


@dataclass(frozen=True, slots=True)
class Outline:
    """Symbols with the most important file first, in each file as they stand there."""

    landmarks: tuple[Landmark, ...]
    tokens: int

    def text(self) -> str:
        """The map as text: a file's path, then its symbols with their line, indented."""
        return "".join(_lines(self.landmarks))


def outline_of(terrain: Terrain, *, tokens: int, focus: Collection[str] = ()) -> Outline:
    """The largest map of the most important symbols within `tokens`.

    A file is important when important files use it often (by the root of how often), a symbol by
    its share of its file's uses. With `focus` (paths) it is what these files use that counts.
    """
    # A line has more letters than a token, so there are never more landmarks than tokens.
    ranked = [_landmark(mark, rank) for rank, mark in _ranked(terrain, focus)[:tokens]]
    low, high = 0, len(ranked)
    while low < high:
        middle = (low + high + 1) // 2
        if _tokens(_in_order(ranked[:middle])) <= tokens:
            low = middle
        else:
            high = middle - 1
    chosen = tuple(_in_order(ranked[:low]))
    return Outline(chosen, _tokens(chosen))


def _ranked(terrain: Terrain, focus: Collection[str]) -> list[tuple[float, Mark]]:
    """Every symbol with its rank, the most important first."""
    weights: dict[str, dict[str, float]] = defaultdict(dict)
    for use in terrain.uses:
        weights[use.source][use.target] = use.weight
    share = {path: _TEST_SHARE if is_test_file(path) else 1.0 for path in terrain.files}
    start = share | {path: _FOCUS for path in focus if path in share}
    files = page_rank(terrain.files, weights, start)
    found = [(files[m.path] * m.share * share[m.path], m) for m in terrain.marks]
    return sorted(found, key=lambda one: (-one[0], one[1].path, one[1].line))


def _landmark(mark: Mark, rank: float) -> Landmark:
    return Landmark(mark.fq_name, mark.path, mark.line, mark.signature, mark.depth, rank=rank)


def _in_order(chosen: Iterable[Landmark]) -> list[Landmark]:
    """The most important file first; symbols by line, each under the ones that hold it."""
    by_path: dict[str, list[Landmark]] = defaultdict(list)
    for landmark in chosen:
        by_path[landmark.path].append(landmark)
    paths = sorted(by_path, key=lambda path: (-math.fsum(one.rank for one in by_path[path]), path))
    return [one for path in paths for one in sorted(by_path[path], key=lambda one: one.line)]


def _lines(landmarks: Iterable[Landmark]) -> Iterator[str]:
    path = ""
    for landmark in landmarks:
        if landmark.path != path:
            path = landmark.path
            yield f"{path}\n"
        yield f"{landmark.line:5} {'  ' * landmark.depth}{landmark.signature}\n"


def _tokens(landmarks: Iterable[Landmark]) -> int:
    letters = sum(len(line) for line in _lines(landmarks))
    return -(-letters // LETTERS_A_TOKEN)
