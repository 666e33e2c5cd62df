"""Which tests reach given symbols (CP-10)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from posixpath import basename
from typing import Final

from selfheal.codegraph.graph import CallGraph, Node

_TEST_FILE: Final = re.compile(r"test_.*\.py|.*_test\.py|tests?\.py")
_SETUPS: Final = frozenset(
    {"setUp", "setUpClass", "tearDown", "tearDownClass", "asyncSetUp", "asyncTearDown"}
    | {"setup_method", "teardown_method", "setup_class", "teardown_class"}
)
_MODULE_SETUPS: Final = frozenset(
    {"setup_module", "teardown_module", "setup_function", "teardown_function", "setUpModule"}
)


def is_test_file(path: str) -> bool:
    """Whether pytest (or Django, for `tests.py`) looks for tests in the file."""
    return _TEST_FILE.fullmatch(basename(path)) is not None


class TestIndex:
    """The tests of a graph as pytest node ids (`path::Class::test_name`)."""

    __test__ = False  # the name starts like a test class; pytest must not collect it

    def __init__(self, graph: CallGraph) -> None:
        self._graph = graph
        self._runs: dict[str, frozenset[str]] = {
            node_id: _run_by(graph, holder, test)
            for test in graph.nodes.values()
            if _is_test(test)
            for holder in _holders(graph, test)
            if (node_id := _node_id(graph, holder, test))
        }

    def reaching(self, symbols: Iterable[str]) -> tuple[str, ...]:
        """The tests that reach one of the symbols (fq names), sorted.

        A test reaches what it calls, what its fixtures call, and what the set-up of its class or
        module calls; whatever a test module runs on import counts for all of its tests.
        """
        return self.run_by(node.fq_name for node in self._graph.reaching(symbols))

    def run_by(self, nodes: Iterable[str]) -> tuple[str, ...]:
        """The tests that are among these nodes (fq names), or whose set-up is, sorted."""
        names = frozenset(nodes)
        return tuple(sorted(n for n, runs in self._runs.items() if not names.isdisjoint(runs)))


def _is_test(node: Node) -> bool:
    is_callable = node.kind in ("function", "method")
    return is_callable and node.fq_name.rpartition(".")[2].startswith("test")


def _holders(graph: CallGraph, test: Node) -> list[Node]:
    """The class of a test method and the classes that inherit it; the module of a function."""
    parent = _parent(graph, test)
    found, waiting = {parent.fq_name: parent}, [parent]
    while waiting:
        for edge in graph.edges_to(waiting.pop().fq_name):
            child = graph.nodes.get(edge.source)
            if edge.kind == "inherits" and child is not None and child.fq_name not in found:
                found[child.fq_name] = child
                waiting.append(child)
    return list(found.values())


def _node_id(graph: CallGraph, holder: Node, test: Node) -> str:
    """The id under which pytest runs `test` for `holder`; empty when it does not."""
    if not is_test_file(holder.path) or not _is_collected(graph, holder):
        return ""
    module = graph.in_file(holder.path)[0]
    classes = holder.fq_name.removeprefix(module.fq_name).split(".")[1:]
    return "::".join((holder.path, *classes, test.fq_name.rpartition(".")[2]))


def _is_collected(graph: CallGraph, holder: Node) -> bool:
    if holder.kind == "module":
        return True
    if holder.kind != "class" or not _is_collected(graph, _parent(graph, holder)):
        return False
    if _is_unittest(graph, holder.fq_name, ()):
        return True
    is_named_so = holder.fq_name.rpartition(".")[2].startswith("Test")
    return is_named_so and f"{holder.fq_name}.__init__" not in graph.nodes


def _is_unittest(graph: CallGraph, name: str, seen: tuple[str, ...]) -> bool:
    """Whether a class comes from a TestCase, of the standard library or of a framework."""
    if name.endswith("TestCase") and name not in graph.nodes:
        return True
    bases = [edge.target for edge in graph.edges_from(name) if edge.kind == "inherits"]
    return any(_is_unittest(graph, base, (*seen, name)) for base in bases if base not in seen)


def _parent(graph: CallGraph, node: Node) -> Node:
    """The node around `node`; a module is its own."""
    return graph.nodes.get(node.fq_name.rpartition(".")[0], graph.in_file(node.path)[0])


def _run_by(graph: CallGraph, holder: Node, test: Node) -> frozenset[str]:
    """The nodes that run when pytest runs `test` for `holder`, what they call left out."""
    module = graph.in_file(holder.path)[0].fq_name
    classes = {holder.fq_name, _parent(graph, test).fq_name}
    return frozenset(
        {test.fq_name, holder.fq_name, module}
        | {f"{module}.{name}" for name in _MODULE_SETUPS}
        | {f"{owner}.{name}" for owner in classes for name in _SETUPS}
    )
