"""The call graph: modules, classes, functions and methods, and what ties them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from selfheal.contracts.plan import Symbol

NodeKind = Literal["module", "class", "function", "method"]
EdgeKind = Literal["calls", "imports", "inherits"]

LIKELY: Final = 0.5
"""What follows the graph ignores edges below this: wrappers of decorators tie everything."""


class Node(NamedTuple):
    """A definition, or a module. Lines count from 1, decorators included."""

    fq_name: str
    kind: NodeKind
    path: str
    line: int
    end_line: int

    @property
    def symbol(self) -> Symbol:
        """The node as a plan names it."""
        return Symbol(fq_name=self.fq_name, kind=self.kind, file_path=self.path)


class Edge(NamedTuple):
    """`source` calls, imports or inherits `target` (fq names) at `path:line`.

    A target need not be a node: a name that a module of the project lacks, a module that was not
    parsed, a base class from outside as it is written (`unittest.TestCase`). `confidence` is 1 for
    what the text states and falls with every step of inference.
    """

    source: str
    target: str
    kind: EdgeKind
    path: str
    line: int
    confidence: float
    through: str = ""


class Problem(NamedTuple):
    """A file that could not be read in full, and why."""

    path: str
    reason: str


class CallGraph:
    """Nodes and edges of a set of files. Every answer is sorted, so it is the same each time."""

    def __init__(
        self, nodes: Iterable[Node], edges: Iterable[Edge], problems: Iterable[Problem] = ()
    ) -> None:
        self.nodes = {node.fq_name: node for node in sorted(nodes)}
        self.edges = tuple(sorted(set(edges)))
        self.problems = tuple(sorted(problems))
        # Lists in the order of the edges; a networkx graph takes ten times as long to fill.
        self._from: dict[str, list[Edge]] = defaultdict(list)
        self._to: dict[str, list[Edge]] = defaultdict(list)
        for edge in self.edges:
            self._from[edge.source].append(edge)
            self._to[edge.target].append(edge)
        self._members: dict[str, list[Node]] = defaultdict(list)
        for node in sorted(self.nodes.values(), key=lambda one: (one.kind != "module", one.line)):
            self._members[node.path].append(node)

    def in_file(self, path: str) -> tuple[Node, ...]:
        """The nodes of a file, the module first, then by line."""
        return tuple(self._members.get(path, ()))

    def callers_of(self, fq_name: str) -> tuple[Edge, ...]:
        """The calls that reach `fq_name`; for a class also those of its constructor."""
        targets = {fq_name}
        if fq_name in self.nodes and self.nodes[fq_name].kind == "class":
            targets.add(f"{fq_name}.__init__")
        return tuple(sorted(e for t in targets for e in self.edges_to(t) if e.kind == "calls"))

    def callees_of(self, fq_name: str) -> tuple[Edge, ...]:
        """The calls that are written in `fq_name` itself, not in what is defined inside it."""
        return tuple(edge for edge in self.edges_from(fq_name) if edge.kind == "calls")

    def edges_to(self, fq_name: str) -> tuple[Edge, ...]:
        """Every edge that ends at `fq_name`."""
        return tuple(self._to.get(fq_name, ()))

    def edges_from(self, fq_name: str) -> tuple[Edge, ...]:
        """Every edge that starts at `fq_name`."""
        return tuple(self._from.get(fq_name, ()))

    def enclosing(self, path: str, line: int) -> Node | None:
        """The innermost definition around a line (from 1), else the module; None if not parsed."""
        around = [n for n in self._members.get(path, ()) if n.line <= line <= n.end_line]
        modules = [n for n in self._members.get(path, ()) if n.kind == "module"]
        definitions = [node for node in around if node.kind != "module"]
        innermost = sorted(definitions, key=lambda n: (n.end_line - n.line, -len(n.fq_name)))
        return next(iter(innermost + modules), None)

    def within(self, fq_name: str) -> tuple[str, ...]:
        """`fq_name` and what is defined inside it; a module stands for its whole file."""
        node = self.nodes.get(fq_name)
        if node is None:
            return (fq_name,)
        return tuple(
            sorted(
                other.fq_name
                for other in self._members[node.path]
                if node.kind == "module" or _is_inside(other.fq_name, fq_name)
            )
        )

    def reaching(
        self, symbols: Iterable[str], *, min_confidence: float = LIKELY
    ) -> tuple[Node, ...]:
        """The symbols, what is inside them, and every node that comes to them by calls or bases.

        Where a whole module is asked for, the modules that import it count too.
        """
        waiting = [name for symbol in symbols for name in self.within(symbol)]
        found: set[str] = set()
        importers = {name for name in waiting if self._is_module(name)}
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            waiting.extend(
                edge.source
                for edge in self._to.get(name, ())
                if edge.confidence >= min_confidence
                and (edge.kind != "imports" or name in importers)
            )
        return tuple(self.nodes[name] for name in sorted(found) if name in self.nodes)

    def _is_module(self, name: str) -> bool:
        return name in self.nodes and self.nodes[name].kind == "module"

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())


def _is_inside(name: str, outer: str) -> bool:
    return name == outer or name.startswith(f"{outer}.")
