"""What a change may reach: callers, tests, and the symbols that a diff touches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unidiff.errors import UnidiffParseError
from unidiff.patch import Hunk, PatchSet

from selfheal.codegraph.graph import CallGraph, Edge
from selfheal.codegraph.source import SourceTree
from selfheal.codegraph.tests_impact import TestIndex
from selfheal.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Impact:
    """Symbols (fq names), the calls that come straight to them, and the tests that reach them."""

    symbols: tuple[str, ...]
    calls: tuple[Edge, ...]
    tests: tuple[str, ...]


class Impacts:
    """Answers for one graph."""

    def __init__(self, graph: CallGraph) -> None:
        self._graph = graph
        self._tests = TestIndex(graph)

    def callers_of(self, fq_name: str) -> tuple[Edge, ...]:
        """The calls that reach a symbol. Raises InvalidInput where there is no such symbol."""
        return self._graph.callers_of(self._known(fq_name))

    def tests_of(self, fq_name: str) -> tuple[str, ...]:
        """The tests that reach a symbol, as pytest ids. Raises InvalidInput as `callers_of`."""
        return self._tests.reaching([self._known(fq_name)])

    def touched_by(self, diff: str, tree: SourceTree) -> Impact:
        """What a unified diff touches in the files of the graph, which are those of `tree`.

        They may be the files before the diff or after it. Raises InvalidInput for what is no diff.
        """
        places = changed_lines(diff, tree)
        nodes = (self._graph.enclosing(path, line) for path, line in places)
        symbols = tuple(sorted({node.fq_name for node in nodes if node is not None}))
        calls = {edge for symbol in symbols for edge in self._graph.callers_of(symbol)}
        return Impact(symbols, tuple(sorted(calls)), self._tests.reaching(symbols))

    def _known(self, fq_name: str) -> str:
        if fq_name in self._graph.nodes:
            return fq_name
        end = f".{fq_name.rpartition('.')[2]}"
        near = [name for name in self._graph.nodes if f".{name}".endswith(end)][:5]
        hint = f"; there is {', '.join(near)}" if near else ""
        raise InvalidInput(f"there is no symbol {fq_name}{hint}")


def changed_lines(diff: str, tree: SourceTree) -> Iterator[tuple[str, int]]:
    """Path and number (from 1) of each line of `tree` that a unified diff changes.

    The tree may be as before the diff or as after it. What is only on the other side counts for the
    line before it. Raises InvalidInput for what is no unified diff.
    """
    for file in _patch(diff):
        blob = tree.read(file.path) or b""
        lines = blob.decode(errors="replace").splitlines()
        is_after = bool(lines) and all(_shows(lines, hunk) for hunk in file)
        for hunk in file:
            number = hunk.target_start if is_after else hunk.source_start
            for line in hunk:
                is_here = not (line.is_removed if is_after else line.is_added)
                if not line.is_context:
                    yield file.path, number if is_here else max(1, number - 1)
                number += is_here


def _patch(diff: str) -> PatchSet:
    try:
        patch = PatchSet(diff)
    except UnidiffParseError as error:
        raise InvalidInput(f"expected a unified diff, as `git diff` prints it: {error}") from error
    if not patch and diff.strip():
        raise InvalidInput("expected a unified diff, as `git diff` prints it; found no file in it")
    return patch


def _shows(lines: list[str], hunk: Hunk) -> bool:
    """Whether the hunk has been applied to these lines."""
    first = max(0, hunk.target_start - 1)
    wanted = [line.value.rstrip("\r\n") for line in hunk if not line.is_removed]
    return lines[first : first + len(wanted)] == wanted
