"""The Python sources that a command was pointed at, parsed; what cannot be read is said."""

from __future__ import annotations

from rich.console import Console

from selfheal.codegraph.names import Namespaces
from selfheal.codegraph.parse import facts_in
from selfheal.codegraph.source import LoadedTree, Modules


def parsed(tree: LoadedTree) -> Namespaces:
    """Every file of the tree; one that cannot be read in full is named on standard error."""
    found = [facts_in(tree, path) for path in tree.paths()]
    facts = [file for file in found if file is not None]
    said = Console(stderr=True, soft_wrap=True)
    for file in facts:
        if file.problem:
            said.print(f"warning: {file.path}: {file.problem}", markup=False, highlight=False)
    return Namespaces(facts, Modules(tree.paths()))
