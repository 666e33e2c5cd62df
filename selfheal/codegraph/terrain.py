"""What a map is drawn from: the symbols of a tree, and which of its files use which others."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Final, NamedTuple

from selfheal.codegraph.facts import Definition
from selfheal.codegraph.graph import Problem
from selfheal.codegraph.names import Defined, Namespaces
from selfheal.codegraph.references import Reference, references_of

_PRIVATE_SHARE: Final = 0.1


class Mark(NamedTuple):
    """A symbol; `share` is its part of what its file is used for, all symbols there make 1."""

    fq_name: str
    path: str
    line: int
    signature: str
    depth: int
    share: float


class Use(NamedTuple):
    """The file `source` uses symbols of the file `target`, both by path."""

    source: str
    target: str
    weight: float


class Terrain(NamedTuple):
    """A tree as far as a map needs it; plain values, so that it can be kept."""

    files: tuple[str, ...]
    marks: tuple[Mark, ...]
    uses: tuple[Use, ...]
    problems: tuple[Problem, ...]


def terrain_of(names: Namespaces) -> Terrain:
    """The terrain of parsed files: one uses another by the root of how often it does."""
    references = references_of(names)
    weights: dict[tuple[str, str], float] = defaultdict(float)
    for reference, count in references.items():
        if reference.source != reference.target:
            weights[reference.source, reference.target] += math.sqrt(count)
    shares = _shares(names, references)
    shown = (one for one in names.definitions.values() if "<" not in one.fact.qualname)
    return Terrain(
        files=tuple(names.files),
        marks=tuple(_mark(defined, shares[defined.fq_name]) for defined in shown),
        uses=tuple(Use(source, target, weight) for (source, target), weight in weights.items()),
        problems=tuple(Problem(f.path, f.problem) for f in names.files.values() if f.problem),
    )


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


def _mark(defined: Defined, share: float) -> Mark:
    fact = defined.fact
    return Mark(
        fq_name=defined.fq_name,
        path=defined.path,
        line=fact.span.line,
        signature=signature_of(fact),
        depth=fact.qualname.count("."),
        share=share,
    )


def signature_of(definition: Definition) -> str:
    """The head of a definition: its name, and its bases or parameters."""
    name = definition.qualname.rpartition(".")[2]
    if definition.kind != "class":
        return f"def {name}({', '.join(definition.parameters)})"
    bases = ", ".join("".join(chain) for chain in definition.bases)
    return f"class {name}({bases})" if bases else f"class {name}"
