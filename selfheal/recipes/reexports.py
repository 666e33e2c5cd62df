"""Imports that their own file does not use but another one takes from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from selfheal.codegraph.facts import FileFacts
from selfheal.codegraph.parse import facts_in, facts_of
from selfheal.codegraph.source import Modules, SourceTree, is_python
from selfheal.errors import InvalidInput


class Reexport(NamedTuple):
    """`user` takes `name` from the module of `path`."""

    path: str
    name: str
    user: str


def reexports_lost(tree: SourceTree, texts: Iterable[tuple[str, bytes]]) -> Iterator[Reexport]:
    """What other files of the tree would miss if these texts replaced their files.

    A linter looks at one file at a time, so to it a re-export is an unused import. Besides what is
    imported, `module.name` counts wherever it is written, in a string too.
    """
    modules = Modules(tree.paths())
    for path, text in texts:
        facts = facts_in(tree, path)
        gone = _imported(facts) - _imported(facts_of(text, path)) if facts else frozenset()
        for user in filter(is_python, tree.paths() if gone else ()):
            if user != path:
                yield from (
                    Reexport(path, name, user)
                    for name in sorted(gone)
                    if _takes(tree, modules, Reexport(path, name, user))
                )


def _imported(facts: FileFacts) -> frozenset[str]:
    """The names that imports give to a module."""
    return frozenset(
        binding.target[0]
        for binding in facts.bindings
        if not binding.scope and binding.value and binding.value[0].startswith("import:")
    )


def _takes(tree: SourceTree, modules: Modules, one: Reexport) -> bool:
    try:
        blob = tree.read(one.user) or b""
    except InvalidInput:
        return False
    if one.name.encode() not in blob:
        return False
    tail = modules.name_of(one.path).rpartition(".")[2]
    if re.search(rb"\b%s\.%s\b" % (tail.encode(), one.name.encode()), blob):
        return True
    return any(
        imported.name in (one.name, "*")
        and modules.find(imported.module, importer=one.user) == one.path
        for imported in facts_of(blob, one.user).imports
    )
