"""What the maps of a tree are drawn from, kept whole: a second map of the same files is quick."""

from __future__ import annotations

from typing import Final

from selfheal.codegraph.names import Namespaces
from selfheal.codegraph.source import LoadedTree, Modules
from selfheal.codegraph.terrain import Terrain, terrain_of
from selfheal.errors import InvalidInput
from selfheal.index.columns import Columns
from selfheal.index.facts import linked_kind
from selfheal.index.index import Index
from selfheal.index.snapshot import tree_id
from selfheal.index.store import BlobStore

_COLUMNS: Final = Columns(Terrain)


def terrain_in(store: BlobStore, tree: LoadedTree) -> Terrain:
    """The terrain of the Python files of a tree; what had to be worked out is kept."""
    kind, asked = linked_kind("terrain"), tree_id(tree)
    kept = store.get_many(kind, [asked])
    try:
        return _COLUMNS.unpack(kept[asked])
    except (KeyError, InvalidInput):
        facts = Index(store).facts(tree, tree.paths())
    terrain = terrain_of(Namespaces(facts.values(), Modules(tree.paths())))
    store.put_many(kind, {asked: _COLUMNS.pack(terrain)})
    return terrain
