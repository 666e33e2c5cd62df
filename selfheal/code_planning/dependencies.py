"""CP-5: the order of tasks.

Two kinds of rule. Some say which of two tasks comes first, and may contradict each other:
`depends_on` of the plan; a step that adds a symbol before those that edit its callers; a step that
removes one after those that drop its uses. The rest only ask that two tasks do not run side by
side, and prefer a direction: a step that adds a name before those that speak of it; tasks on one
file in step order; the callee before the caller. Where the first kind, or an earlier preference,
already orders the two, that order stands, so only rules of the first kind can make a cycle.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

import networkx as nx

from selfheal.code_planning.paths import names_of
from selfheal.code_planning.targets import Target
from selfheal.codegraph.graph import LIKELY, CallGraph


@dataclass(frozen=True, slots=True)
class Unit:
    """A task to be ordered: part `part` (from 0) of its step."""

    id: UUID
    part: int
    target: Target

    @property
    def order(self) -> int:
        """The order of its step."""
        return self.target.step.order

    @property
    def rank(self) -> tuple[int, int]:
        """Where it stands when nothing else orders it."""
        return self.order, self.part


@dataclass(frozen=True, slots=True)
class Schedule:
    """Units in an order that respects `depends_on`, which has no edge that others imply.

    `cycle` spells out rules that contradict each other; then nothing depends on anything.
    """

    units: tuple[Unit, ...]
    depends_on: dict[UUID, tuple[UUID, ...]]
    cycle: str = ""


def scheduled(units: Sequence[Unit], graph: CallGraph) -> Schedule:
    """The schedule of all units of a plan."""
    ranked = sorted(units, key=lambda unit: unit.rank)
    by_rank = {unit.rank: unit for unit in ranked}
    order = _Order(ranked, _Uses(ranked, graph))
    order.add_rules()
    cycle = order.cycle()
    if cycle:
        alone = sorted(ranked, key=lambda unit: (unit.order, str(unit.id)))
        return Schedule(tuple(alone), {unit.id: () for unit in alone}, cycle)
    order.add_preferences()
    reduced = nx.transitive_reduction(order.graph)
    return Schedule(
        tuple(by_rank[rank] for rank in nx.lexicographical_topological_sort(reduced)),
        {
            unit.id: tuple(by_rank[rank].id for rank in sorted(reduced.predecessors(unit.rank)))
            for unit in ranked
        },
    )


class _Uses:
    """Which units touch nodes that use what other units touch."""

    def __init__(self, units: Sequence[Unit], graph: CallGraph) -> None:
        self._touching: dict[str, list[Unit]] = defaultdict(list)
        for unit in units:
            for name in unit.target.touched:
                self._touching[name].append(unit)
        self.by_unit = {unit: self._used(unit, graph, calls_only=False) for unit in units}
        self.calls = {unit: self._used(unit, graph, calls_only=True) for unit in units}

    def _used(self, unit: Unit, graph: CallGraph, *, calls_only: bool) -> list[Unit]:
        found = {
            other
            for name in unit.target.touched
            for edge in graph.edges_from(name)
            if edge.confidence >= LIKELY and (edge.kind == "calls" or not calls_only)
            for other in self._touching.get(edge.target, ())
            if other.order != unit.order
        }
        return sorted(found, key=lambda other: other.rank)


class _Order:
    def __init__(self, units: Sequence[Unit], uses: _Uses) -> None:
        self._units = units
        self._uses = uses
        self.graph: nx.DiGraph[tuple[int, int]] = nx.DiGraph()
        self.graph.add_nodes_from(unit.rank for unit in units)

    def add_rules(self) -> None:
        """The edges that say which of two comes first, each with its reason."""
        for before, after, reason in (*self._explicit(), *self._additions(), *self._removals()):
            self.graph.add_edge(before.rank, after.rank, reason=reason)

    def add_preferences(self) -> None:
        """Orders what must not run side by side, never against an order that stands."""
        for before, after in self._mentions():
            self._prefer(before, after)
        files: dict[str, list[Unit]] = defaultdict(list)
        for unit in self._units:
            for path in unit.target.files:
                files[path].append(unit)
        for path in sorted(files):
            self._chain(files[path])
        for caller in self._units:
            for callee in self._uses.calls[caller]:
                is_mutual = caller in self._uses.calls[callee]
                first, second = (callee, caller) if not is_mutual else _by_rank(callee, caller)
                self._prefer(first, second)

    def cycle(self) -> str:
        """A cycle of rules in words; empty when there is none."""
        try:
            edges = nx.find_cycle(self.graph)
        except nx.NetworkXNoCycle:
            return ""
        return "; ".join(
            f"step {before[0]} before step {after[0]} ({self.graph.edges[before, after]['reason']})"
            for before, after, *_ in edges
        )

    def _explicit(self) -> Iterator[tuple[Unit, Unit, str]]:
        by_order: dict[int, list[Unit]] = defaultdict(list)
        for unit in self._units:
            by_order[unit.order].append(unit)
        for unit in self._units:
            for order in sorted(set(unit.target.step.depends_on)):
                for other in by_order[order]:
                    yield other, unit, "the plan's depends_on"

    def _additions(self) -> Iterator[tuple[Unit, Unit, str]]:
        for unit in self._units:
            if unit.target.step.kind in ("EDIT", "REFACTOR"):
                for used in self._uses.by_unit[unit]:
                    if used.target.step.kind == "ADD" and used.target.names_symbols:
                        yield used, unit, "it adds what the other one's symbols call"

    def _removals(self) -> Iterator[tuple[Unit, Unit, str]]:
        for unit in self._units:
            for used in self._uses.by_unit[unit]:
                if used.target.step.kind != "REMOVE" or not used.target.names_symbols:
                    continue
                # Two that remove each other's user have no first one; their file or rank decides.
                is_mutual = unit.target.step.kind == "REMOVE" and used in self._users(unit)
                if not is_mutual:
                    yield unit, used, "it drops a use of what the other one removes"

    def _users(self, unit: Unit) -> list[Unit]:
        return [other for other in self._units if unit in self._uses.by_unit[other]]

    def _mentions(self) -> Iterator[tuple[Unit, Unit]]:
        for adding in self._units:
            if adding.target.step.kind == "ADD":
                names = _added_names(adding)
                for other in self._units:
                    is_edit = other.target.step.kind in ("EDIT", "REFACTOR")
                    if is_edit and other.order != adding.order and _speaks_of(other, names):
                        yield adding, other

    def _prefer(self, before: Unit, after: Unit) -> None:
        if not nx.has_path(self.graph, after.rank, before.rank):
            self.graph.add_edge(before.rank, after.rank)

    def _chain(self, units: Sequence[Unit]) -> None:
        """One after the other, in step order as far as the order that stands allows."""
        ranks = {unit.rank for unit in units}
        among: nx.DiGraph[tuple[int, int]] = nx.DiGraph()
        among.add_nodes_from(sorted(ranks))
        for rank in sorted(ranks):
            among.add_edges_from(
                (rank, later) for later in nx.descendants(self.graph, rank) & ranks
            )
        for before, after in pairwise(nx.lexicographical_topological_sort(among)):
            self.graph.add_edge(before, after)


def _by_rank(one: Unit, other: Unit) -> tuple[Unit, Unit]:
    return (one, other) if one.rank < other.rank else (other, one)


def _added_names(unit: Unit) -> frozenset[str]:
    symbols = frozenset(symbol.fq_name.rpartition(".")[2] for symbol in unit.target.step.symbols)
    return symbols or names_of(unit.target.step)


def _speaks_of(unit: Unit, names: Iterable[str]) -> bool:
    step = unit.target.step
    words = set(re.findall(r"\w+", "\n".join((step.goal, *step.hints))))
    return not words.isdisjoint(names)
