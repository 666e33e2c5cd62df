"""Where the new name means something already, or would come to mean something else."""

from __future__ import annotations

from collections.abc import Iterator

from selfheal.recipes.occurrences import Imported, Spot
from selfheal.recipes.reach import Reach
from selfheal.recipes.rewrite import CannotDo

_ANOTHER = "choose another name, or rename the other one first"


def clash(reach: Reach) -> CannotDo | None:
    """The first thing that stands in the way of the new name; None when nothing does."""
    if reach.family is not None and (obstacle := reach.family.obstacle()):
        return obstacle
    for path, spot in (*_taken(reach), *_captured(reach)):
        return CannotDo(
            f"the name {reach.renaming.new} is in use where {reach.renaming.symbol.fq_name} is"
            f" known: {path}:{spot.line}",
            _ANOTHER,
        )
    for path in sorted(path for path, key in reach.held if not key):
        if reach.renaming.new in reach.project.names.starred(path):
            return CannotDo(f"{path} has {reach.renaming.new} by an `import *`", _ANOTHER)
        if _has_submodule(reach, path):
            return CannotDo(f"{path} has a module {reach.renaming.new} beside it", _ANOTHER)
    return None


def _taken(reach: Reach) -> Iterator[tuple[str, Spot]]:
    """Where the new name is looked up in a scope that will have it."""
    new = reach.renaming.new
    for path, found in reach.project.files.items():
        words = [(word.scope, word.spot) for word in found.words if word.name == new]
        imports = [(one.scope, one.spot) for one in found.imports if _binds(one, new)]
        for asking, spot in (*words, *imports):
            asked = asking.path_to(new) or asking.asked()
            if any((path, scope.key) in reach.held for scope in asked):
                yield path, spot
        for member in found.members:
            if member.name == new and reach.meant(path, member) == "yes":
                yield path, member.spot


def _captured(reach: Reach) -> Iterator[tuple[str, Spot]]:
    """References between which and their definition a scope has the new name for itself."""
    old, new = reach.renaming.old, reach.renaming.new
    for path, found in reach.project.files.items():
        for word in found.words:
            if word.name == old and reach.word_is_ours(path, word):
                between = word.scope.path_to(old)[:-1]
                if any(new in scope.bound for scope in between):
                    yield path, word.spot


def _binds(imported: Imported, name: str) -> bool:
    return imported.binds and name == (imported.name or imported.module.partition(".")[0])


def _has_submodule(reach: Reach, path: str) -> bool:
    is_package = path.rpartition("/")[2] == "__init__.py"
    found = reach.project.modules.find(f".{reach.renaming.new}", importer=path)
    return is_package and found is not None
