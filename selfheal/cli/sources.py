"""The Python sources that a command was pointed at; what cannot be read of them is said."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from selfheal.cli.kept import kept_here
from selfheal.codegraph.graph import Problem
from selfheal.codegraph.names import Namespaces
from selfheal.codegraph.source import LoadedTree, Modules
from selfheal.codegraph.terrain import Terrain
from selfheal.index.index import Index
from selfheal.index.terrain import terrain_in


def parsed(tree: LoadedTree) -> Namespaces:
    """Every file of the tree; one that cannot be read in full is named on standard error."""
    with kept_here() as kept:
        facts = Index(kept).facts(tree, tree.paths())
    _warn(tree, (Problem(path, file.problem) for path, file in facts.items() if file.problem))
    return Namespaces(facts.values(), Modules(tree.paths()))


def charted(tree: LoadedTree) -> Terrain:
    """What maps of the tree are drawn from; as `parsed`."""
    with kept_here() as kept:
        terrain = terrain_in(kept, tree)
    _warn(tree, terrain.problems)
    return terrain


def _warn(tree: LoadedTree, problems: Iterable[Problem]) -> None:
    said = Console(stderr=True, soft_wrap=True)
    if not tree.paths():
        said.print("warning: there is no Python file in what was named")
    for problem in sorted(problems):
        message = f"warning: {problem.path}: {problem.reason}"
        said.print(message, markup=False, highlight=False)
