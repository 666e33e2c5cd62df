"""The Python sources that a command was pointed at, parsed; what cannot be read is said."""

from __future__ import annotations

from rich.console import Console

from selfheal.cli.kept import kept_here
from selfheal.codegraph.names import Namespaces
from selfheal.codegraph.source import LoadedTree, Modules
from selfheal.index.index import Index


def parsed(tree: LoadedTree) -> Namespaces:
    """Every file of the tree; one that cannot be read in full is named on standard error."""
    with kept_here() as kept:
        facts = Index(kept).facts(tree, tree.paths())
    said = Console(stderr=True, soft_wrap=True)
    if not facts:
        said.print("warning: there is no Python file in what was named")
    for path, file in sorted(facts.items()):
        if file.problem:
            said.print(f"warning: {path}: {file.problem}", markup=False, highlight=False)
    return Namespaces(facts.values(), Modules(tree.paths()))
