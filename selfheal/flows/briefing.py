"""What a model is told of a CodingTask: gathered at the task's base, most useful first (CA-3)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

from selfheal.code_planning.graphs import Graphs
from selfheal.code_planning.neighbourhood import Subject
from selfheal.code_planning.reading import FileReader
from selfheal.codegraph.graph import CallGraph, Node
from selfheal.coding.brief import Brief
from selfheal.flows.site import Site
from selfheal.index.snapshot import Snapshot
from selfheal.llm.packing import Piece

OWN, FAILURE, SKELETON, TEST, NEIGHBOUR = 100.0, 90.0, 80.0, 60.0, 30.0
"""What pieces are worth: the task's files, why its tests fail, its skeletons, those tests, callers
and callees."""

_MOST_FAILURES = 5
_MOST_NEIGHBOURS = 12
_WHOLE_FILE_LINES = 400
_AROUND = 40


def brief_of(site: Site) -> Brief:
    """The brief for the task of this site."""
    task = site.row.task
    return Brief(
        task=task,
        wish=site.request.description,
        constraints=site.request.constraints,
        pieces=tuple(_Gathering(site).pieces()),
        context_tokens=site.running.farm.settings.coding.context_tokens,
    )


class _Gathering:
    """Reads the commit that the task starts from; the graph is of the task's surroundings only."""

    def __init__(self, site: Site) -> None:
        self._task = site.row.task
        self._failures = site.baseline.failures
        self._farm = site.running.farm
        self._reader = FileReader(Snapshot.at(site.mirror, site.base), self._farm.index)

    def pieces(self) -> Iterator[Piece]:
        graph = self._graph()
        own = [graph.nodes[name] for name in self._names() if name in graph.nodes]
        for path in self._task.paths:
            yield self._file(path, own)
        yield from self._why_tests_fail()
        for diff in self._task.skeleton_patch:
            yield Piece(title="Skeleton, to be filled in or bettered", text=diff, value=SKELETON)
        tests = list(self._failing_tests(graph))
        for node in tests:
            yield self._definition("Failing test", node, value=TEST)
        shown = {node.fq_name for node in tests}
        for node in self._neighbours(graph, own)[:_MOST_NEIGHBOURS]:
            if node.fq_name not in shown and node.path not in self._task.paths:
                yield self._definition("Used by or using it", node, value=NEIGHBOUR)

    def _names(self) -> tuple[str, ...]:
        return tuple(symbol.fq_name for symbol in self._task.symbols)

    def _graph(self) -> CallGraph:
        names = frozenset(name.rpartition(".")[2] for name in self._names())
        subjects = [Subject(self._task.paths, self._names(), names)]
        for test in self._task.failing_tests:
            path, *inside = test.partition("[")[0].split("::")
            subjects.append(Subject((path,), (".".join(inside),), frozenset()))
        self._reader.expect(self._task.paths)
        with self._farm.graphs or nullcontext() as kept:
            return Graphs(kept).around(subjects, self._reader)

    def _file(self, path: str, own: list[Node]) -> Piece:
        lines = self._reader.text(path).split("\n")
        spans = [node for node in own if node.path == path and node.kind != "module"]
        if len(lines) <= _WHOLE_FILE_LINES or not spans:
            what = "File" if lines != [""] else "File that is not there yet"
            return Piece(title=f"{what} {path}", text="\n".join(lines), value=OWN)
        start = max(0, min(node.line for node in spans) - 1 - _AROUND)
        end = max(node.end_line for node in spans) + _AROUND
        head = "\n".join(lines[:_AROUND]) + "\n[...]\n" if start > _AROUND else ""
        return Piece(
            title=f"Parts of file {path}, from line {start + 1}",
            text=head + "\n".join(lines[start:end]),
            value=OWN,
        )

    def _why_tests_fail(self) -> Iterator[Piece]:
        for test in self._task.failing_tests[:_MOST_FAILURES]:
            failure = self._failures.get(test)
            if failure is not None:
                said = failure.detail or f"{failure.type}: {failure.message}"
                yield Piece(title=f"Why {test} fails", text=said, value=FAILURE)

    def _failing_tests(self, graph: CallGraph) -> Iterator[Node]:
        for test in self._task.failing_tests[:_MOST_FAILURES]:
            path, *inside = test.partition("[")[0].split("::")
            for node in graph.in_file(path):
                if node.kind != "module" and f".{node.fq_name}".endswith("." + ".".join(inside)):
                    yield node

    def _neighbours(self, graph: CallGraph, own: list[Node]) -> list[Node]:
        """What calls the task's symbols and what they call, each once, callers first."""
        callers = [edge.source for node in own for edge in graph.callers_of(node.fq_name)]
        callees = [edge.target for node in own for edge in graph.callees_of(node.fq_name)]
        names = dict.fromkeys((*callers, *callees))
        return [graph.nodes[name] for name in names if name in graph.nodes]

    def _definition(self, what: str, node: Node, *, value: float) -> Piece:
        if node.kind == "module":
            text = ""
        else:
            text = "\n".join(
                self._reader.text(node.path).split("\n")[node.line - 1 : node.end_line]
            )
        return Piece(title=f"{what}: {node.fq_name} in {node.path}", text=text, value=value)
