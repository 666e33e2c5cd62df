"""A map of a repository: the files and symbols that it turns on, within a number of tokens."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from selfheal.codegraph.facts import Definition
from selfheal.codegraph.names import Defined, Namespaces
from selfheal.codegraph.ranking import page_rank
from selfheal.codegraph.references import Reference, references_of
from selfheal.codegraph.tests_impact import is_test_file

LETTERS_A_TOKEN: Final = 4
"""What a token of code is on average, over common tokenizers."""
_PRIVATE_SHARE: Final = 0.1
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


def outline_of(names: Namespaces, *, tokens: int, focus: Collection[str] = ()) -> Outline:
    """The largest map of the most important symbols within `tokens`.

    A file is important when important files use it often (by the root of how often), a symbol by
    its share of its file's uses. With `focus` (paths) it is what these files use that counts.
    """
    ranked = sorted(_ranked(names, focus), key=lambda one: (-one.rank, one.path, one.line))
    low, high = 0, len(ranked)
    while low < high:
        middle = (low + high + 1) // 2
        if _tokens(_in_order(ranked[:middle])) <= tokens:
            low = middle
        else:
            high = middle - 1
    chosen = tuple(_in_order(ranked[:low]))
    return Outline(chosen, _tokens(chosen))


def _ranked(names: Namespaces, focus: Collection[str]) -> Iterator[Landmark]:
    uses = references_of(names)
    weights: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for reference, count in uses.items():
        if reference.source != reference.target:
            weights[reference.source][reference.target] += math.sqrt(count)
    share = {path: _TEST_SHARE if is_test_file(path) else 1.0 for path in names.files}
    start = share | {path: _FOCUS for path in focus if path in share}
    files = page_rank(names.files, weights, start)
    shares = _shares(names, uses)
    for defined in names.definitions.values():
        if "<" not in defined.fact.qualname:
            rank = files[defined.path] * shares[defined.fq_name]
            yield _landmark(defined, rank * share[defined.path])


def _shares(names: Namespaces, uses: Counter[Reference]) -> dict[str, float]:
    """The share of each definition in its file: by its uses, those from other files above all."""
    weights: dict[str, float] = {}
    for defined in names.definitions.values():
        last = defined.fact.qualname.rpartition(".")[2]
        is_private = last.startswith("_") and not last.endswith("__")
        weights[defined.fq_name] = _PRIVATE_SHARE if is_private else 1.0
    counts: dict[str, float] = defaultdict(float)
    for reference, count in uses.items():
        is_own = reference.source == reference.target
        counts[reference.fq_name] += math.sqrt(count) * (1.0 if is_own else 4.0)
    totals: dict[str, float] = defaultdict(float)
    for name, defined in names.definitions.items():
        weights[name] *= 0.2 / (1 + defined.fact.qualname.count(".")) + counts.get(name, 0.0)
        totals[defined.path] += weights[name]
    return {
        name: weights[name] / (totals[defined.path] or 1.0)
        for name, defined in names.definitions.items()
    }


def _landmark(defined: Defined, rank: float) -> Landmark:
    fact = defined.fact
    return Landmark(
        fq_name=defined.fq_name,
        path=defined.path,
        line=fact.span.line,
        signature=signature_of(fact),
        depth=fact.qualname.count("."),
        rank=rank,
    )


def signature_of(definition: Definition) -> str:
    """The head of a definition: its name, and its bases or parameters."""
    name = definition.qualname.rpartition(".")[2]
    if definition.kind != "class":
        return f"def {name}({', '.join(definition.parameters)})"
    bases = ", ".join("".join(chain) for chain in definition.bases)
    return f"class {name}({bases})" if bases else f"class {name}"


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
