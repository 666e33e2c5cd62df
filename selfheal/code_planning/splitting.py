"""CP-6: one step becomes several parts where it touches files that no edge ties."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import networkx as nx

from selfheal.code_planning.targets import Target, narrowed
from selfheal.codegraph.graph import LIKELY, CallGraph


def parts_of(target: Target, graph: CallGraph) -> tuple[Target, ...]:
    """The parts of a step's target, in the order of its files; together they are the target.

    Parts share no file. A step that is there to make tests pass stays whole, because its parts
    could only pass together; so does one that says so itself, and one with a file of which the
    graph knows nothing, because what ties it is not known.
    """
    if len(target.files) < 2 or target.step.test_ids or target.step.indivisible:
        return (target,)
    touched = {path: _touched_in(path, target, graph) for path in target.files}
    if not all(touched.values()):
        return (target,)
    ties: nx.Graph[str] = nx.Graph()
    ties.add_nodes_from(target.files)
    for one, other in combinations(target.files, 2):
        if _is_tied(touched[one], touched[other], graph):
            ties.add_edge(one, other)
    groups = sorted(nx.connected_components(ties), key=lambda g: min(map(target.files.index, g)))
    if len(groups) == 1:
        return (target,)
    return tuple(_part(target, group, graph) for group in groups)


def _part(target: Target, group: Iterable[str], graph: CallGraph) -> Target:
    files = tuple(path for path in target.files if path in group)
    symbols = tuple(symbol for symbol in target.symbols if symbol.file_path in files)
    return narrowed(target.step, files, symbols, graph)


def _touched_in(path: str, target: Target, graph: CallGraph) -> frozenset[str]:
    """What the step touches in one file: its symbols there, the whole file when it has none."""
    names = frozenset(node.fq_name for node in graph.in_file(path))
    return names & target.touched or names


def _is_tied(one: frozenset[str], other: frozenset[str], graph: CallGraph) -> bool:
    return any(
        edge.target in far and edge.confidence >= LIKELY
        for near, far in ((one, other), (other, one))
        for name in near
        for edge in graph.edges_from(name)
    )
