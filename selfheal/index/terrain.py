"""What the maps of a tree are drawn from, kept whole: a second map of the same files is quick."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from selfheal.codegraph.names import Namespaces
from selfheal.codegraph.source import LoadedTree, Modules
from selfheal.codegraph.terrain import Terrain, terrain_of
from selfheal.errors import InvalidInput
from selfheal.index.columns import Columns
from selfheal.index.facts import facts_kind
from selfheal.index.index import Index
from selfheal.index.store import BlobStore

_COLUMNS: Final = Columns(Terrain)


def terrain_in(store: BlobStore, tree: LoadedTree) -> Terrain:
    """The terrain of the Python files of a tree; what had to be worked out is kept."""
    kind, tree_id = _kind(), _id_of(tree)
    kept = store.get_many(kind, [tree_id])
    try:
        return _COLUMNS.unpack(kept[tree_id])
    except (KeyError, InvalidInput):
        facts = Index(store).facts(tree, tree.paths())
    terrain = terrain_of(Namespaces(facts.values(), Modules(tree.paths())))
    store.put_many(kind, {tree_id: _COLUMNS.pack(terrain)})
    return terrain


@cache
def _kind() -> str:
    """`terrain/<digest>`, of all the code that has a part in it: none may be forgotten here."""
    digest = hashlib.sha256(facts_kind("python").encode())
    for module in sorted(files("selfheal.codegraph").iterdir(), key=lambda module: module.name):
        if module.name.endswith(".py"):
            digest.update(module.read_bytes())
    return f"terrain/{digest.hexdigest()[:12]}"


def _id_of(tree: LoadedTree) -> str:
    """A digest of names and contents, as long as the id of a blob."""
    digest = hashlib.sha1(usedforsecurity=False)
    for path in tree.paths():
        digest.update(f"{path}\0{tree.blob(path)}\n".encode())
    return digest.hexdigest()
