"""CP-9: how hard a task looks, before there is a patch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from radon.complexity import cc_visit  # type: ignore[import-untyped]
from radon.visitors import Function  # type: ignore[import-untyped]

from selfheal.code_planning.reading import FileReader
from selfheal.code_planning.targets import Target
from selfheal.codegraph.facts import Definition
from selfheal.codegraph.graph import CallGraph, Node
from selfheal.codegraph.names import full_name
from selfheal.codegraph.parse import encoded_source
from selfheal.contracts.bundle import Complexity

# CP-9 weighs files 0.4, cyclomatic complexity 0.3, fan-out 0.2 and lines 0.1. How many lines will
# change is not known before there is a patch: its share goes to the other three in proportion.
_FILES, _CYCLOMATIC, _FAN_OUT = 0.4 / 0.9, 0.3 / 0.9, 0.2 / 0.9
# Where each part reaches one half. Ten is where radon's rank B, and the usual limit, ends.
_HALF_FILES: Final = 2.0
_HALF_CYCLOMATIC: Final = 10.0
_HALF_FAN_OUT: Final = 10.0

_TRIVIAL: Final = 0.3
_MODERATE: Final = 0.6


@dataclass(frozen=True, slots=True)
class Difficulty:
    """A score from 0 (nothing to it) to 1, and its label."""

    score: float

    @property
    def label(self) -> Complexity:
        """`trivial` up to 0.3, `moderate` up to 0.6, else `complex`."""
        if self.score <= _TRIVIAL:
            return "trivial"
        return "moderate" if self.score <= _MODERATE else "complex"


def difficulty(target: Target, graph: CallGraph, cyclomatic: Cyclomatic) -> Difficulty:
    """The difficulty of a target from what is known before there is a patch.

    Files are those touched beyond the first. Cyclomatic complexity is that of the most complex
    function touched, beyond the 1 of a straight line: it stands for the change in complexity,
    which comes with the patch. Fan-out counts the nodes outside of the target that it calls.
    Each is normalised by `n / (n + half)`: 0 for none, one half at `half`, never quite 1.
    """
    branching = max((cyclomatic.of(name) for name in target.touched), default=1) - 1
    score = (
        _FILES * _saturating(max(0, len(target.files) - 1), _HALF_FILES)
        + _CYCLOMATIC * _saturating(branching, _HALF_CYCLOMATIC)
        + _FAN_OUT * _saturating(_fan_out(target, graph), _HALF_FAN_OUT)
    )
    return Difficulty(round(score, 4))


def _saturating(count: int, half: float) -> float:
    return count / (count + half)


def _fan_out(target: Target, graph: CallGraph) -> int:
    calls = (edge for name in target.touched for edge in graph.callees_of(name))
    called = {edge.target for edge in calls if not edge.through}
    return len(called - target.touched)


class Cyclomatic:
    """Cyclomatic complexity of functions by fq name: radon's count, else tree-sitter's."""

    def __init__(self, reader: FileReader, graph: CallGraph) -> None:
        self._reader = reader
        self._graph = graph

    def of(self, fq_name: str) -> int:
        """The complexity of a function or method, from 1; 1 for what is no function."""
        node = self._graph.nodes.get(fq_name)
        if node is None or node.kind not in ("function", "method"):
            return 1
        definition = self._definition(node)
        return self._by_radon(node.path, definition) or definition.branches + 1

    def _definition(self, node: Node) -> Definition:
        (file,) = self._reader.facts((node.path,))
        module = self._reader.modules.name_of(node.path)
        named = (d for d in file.definitions if full_name(module, d.qualname) == node.fq_name)
        return next(named)

    def _by_radon(self, path: str, definition: Definition) -> int:
        """The count of one function by its own text; 0 for what the running Python cannot parse."""
        source = encoded_source(self._reader.text(path))
        start = source.rfind(b"\n", 0, definition.span.start) + 1
        own = source[start : definition.span.end].decode(errors="replace")
        return _counted(f"if True:\n{own}" if own[:1].isspace() else own)


def _counted(source: str) -> int:
    try:
        with warnings.catch_warnings():
            # A doubtful escape in the source of others is no warning about ours.
            warnings.simplefilter("ignore")
            blocks = cc_visit(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0
    first = min(blocks, key=attrgetter("lineno"), default=None)
    return first.complexity if isinstance(first, Function) else 0
