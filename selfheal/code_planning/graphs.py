"""Call graphs around plans, kept for who asks for the same again: a retry, or another host."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Final, NamedTuple

from selfheal.code_planning.neighbourhood import Subject
from selfheal.code_planning.reading import FileReader
from selfheal.codegraph.graph import CallGraph, Edge, Node, Problem
from selfheal.codegraph.linking import link
from selfheal.errors import InvalidInput
from selfheal.index.columns import Columns
from selfheal.index.facts import linked_kind
from selfheal.index.store import BlobStore


class _Kept(NamedTuple):
    """A graph as it is kept."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    problems: tuple[Problem, ...]


_COLUMNS: Final = Columns(_Kept)


class Graphs:
    """Links the graphs of plans; those that the store knows are not linked again."""

    def __init__(self, store: BlobStore | None = None) -> None:
        self._store = store

    def around(self, subjects: Sequence[Subject], reader: FileReader) -> CallGraph:
        """The graph of the subjects' surroundings in the reader's tree."""
        if self._store is None:
            return _linked(subjects, reader)
        kind, key = linked_kind("graphs", "selfheal.code_planning"), _key(subjects, reader)
        try:
            return CallGraph(*_COLUMNS.unpack(self._store.get_many(kind, [key])[key]))
        except (KeyError, InvalidInput):
            graph = _linked(subjects, reader)
        kept = _Kept(tuple(graph.nodes.values()), graph.edges, graph.problems)
        self._store.put_many(kind, {key: _COLUMNS.pack(kept)})
        return graph


def _linked(subjects: Sequence[Subject], reader: FileReader) -> CallGraph:
    return link(reader.surroundings(subjects), reader.modules)


def _key(subjects: Sequence[Subject], reader: FileReader) -> str:
    """What decides on the graph, beside the code: the tree, and what is asked about."""
    asked = [[list(one.files), list(one.symbols), sorted(one.names)] for one in subjects]
    return hashlib.sha256(f"{reader.tree_id} {json.dumps(asked)}".encode()).hexdigest()
