"""Renames one definition with every reference that resolves to it, and nothing else.

Bare names follow Python's scopes, through imports and re-exports; members follow what the code
graph knows of their receivers. What may or may not be meant is left as it is and told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from selfheal.codegraph.source import SourceTree
from selfheal.contracts.plan import PlanWarning
from selfheal.recipes.clash import clash
from selfheal.recipes.definition import find_renaming
from selfheal.recipes.occurrences import Spot
from selfheal.recipes.project import Project
from selfheal.recipes.reach import Reach
from selfheal.recipes.rewrite import CannotDo, Edit, Rewrite, sound, spliced

_SHOWN = 5


def rename(tree: SourceTree, fq_name: str, new: str) -> Rewrite | CannotDo:
    """The tree with the definition `fq_name` called `new`; empty where it is so already.

    The names of a definition, its references, annotations in quotes and its entries in `__all__`
    change; other strings, comments, keywords and what resolves to something else do not.
    """
    old = fq_name.rpartition(".")[2]
    if old == new:
        return Rewrite(found=(f"{fq_name} has this name already",))
    project = Project(tree, frozenset({old, new}))
    renaming = find_renaming(project, fq_name, new)
    if renaming is None:
        return Rewrite(found=(f"{fq_name.removesuffix(old)}{new} is there, {fq_name} is not",))
    if isinstance(renaming, CannotDo):
        return renaming
    reach = Reach(project, renaming)
    if (obstacle := clash(reach) or _inseparable(reach)) is not None:
        return obstacle
    edits = {path: tuple(dict.fromkeys(_edits(reach, path))) for path in project.files}
    return sound(_rewrite(reach, {path: made for path, made in edits.items() if made}))


def _edits(reach: Reach, path: str) -> Iterator[Edit]:
    old, new = reach.renaming.old, reach.renaming.new
    found = reach.project.files[path]
    for word in found.words:
        if word.name == old and reach.word_is_ours(path, word):
            yield Edit(word.spot, new)
    for member in found.members:
        if member.name == old and reach.meant(path, member) == "yes":
            yield Edit(member.spot, new)
    for quoted in found.strings:
        if quoted.name == old and quoted.listed and reach.is_listed(path):
            yield Edit(quoted.spot, new)
    for imported in (one for of, one in reach.imports() if of == path):
        if reach.import_is_ours(path, imported):
            yield Edit(imported.spot, new)
        elif reach.import_binds_ours(path, imported):
            # Another thing under the same name, such as the fallback of an optional import.
            yield Edit(imported.spot, f"{old} as {new}")


def _inseparable(reach: Reach) -> CannotDo | None:
    """`import old.part` binds a name that the rest of its scope would not find any more."""
    for path, imported in reach.imports():
        if "." in imported.module and not imported.name and reach.import_binds_ours(path, imported):
            return CannotDo(
                f"{path}:{imported.spot.line}: `import {imported.module}` binds the same name",
                "give that import an alias first",
            )
    return None


def _rewrite(reach: Reach, edits: Mapping[str, Sequence[Edit]]) -> Rewrite:
    project, renaming = reach.project, reach.renaming
    touched = (project.symbol_at(path, edit.spot) for path in sorted(edits) for edit in edits[path])
    count = sum(map(len, edits.values()))
    where = ", ".join(f"{path} ({len(edits[path])})" for path in sorted(edits))
    return Rewrite(
        texts=tuple((path, spliced(project.read(path), edits[path])) for path in sorted(edits)),
        symbols=tuple(dict.fromkeys((renaming.symbol, renaming.renamed, *touched))),
        found=(f"{renaming.symbol.fq_name} is named {count} times in {len(edits)} files: {where}",),
        warnings=tuple(_warnings(reach)),
    )


def _warnings(reach: Reach) -> Iterator[PlanWarning]:
    """What may mean the definition and was left as it is."""
    if reach.family is not None:
        yield from reach.family.warnings()
    old = reach.renaming.old
    for places, what in (
        (list(_doubtful(reach)), f"members .{old} of receivers that are not known"),
        (list(_strings(reach)), f"strings that say {old}, or how it begins,"),
        (list(_keywords(reach)), f"arguments with the keyword {old}"),
    ):
        if places:
            yield _left(f"{len(places)} {what}", places)
    for path, problem in reach.project.unread.items():
        message = f"{path}: {problem}; it may name {old} and was left as it is"
        yield PlanWarning(code="UNPARSED_FILE", message=message, path=path)
    if texts := list(reach.project.texts_with(old)):
        shown = ", ".join(texts[:_SHOWN]) + (" and others" if len(texts) > _SHOWN else "")
        message = f"{old} is named in {shown} too, which were left as they are"
        yield PlanWarning(code="LEFT_ALONE", message=message, path=texts[0])


def _doubtful(reach: Reach) -> Iterator[tuple[str, Spot]]:
    for path, found in reach.project.files.items():
        for member in found.members:
            if member.name == reach.renaming.old and reach.meant(path, member) == "unknown":
                yield path, member.spot


def _strings(reach: Reach) -> Iterator[tuple[str, Spot]]:
    for path, found in reach.project.files.items():
        for quoted in found.strings:
            is_edited = quoted.listed and reach.is_listed(path)
            if quoted.name == reach.renaming.old and not is_edited:
                yield path, quoted.spot


def _keywords(reach: Reach) -> Iterator[tuple[str, Spot]]:
    """Only of a class's variables: as fields they may be arguments of its constructor."""
    if reach.family is None or reach.renaming.symbol.kind != "variable":
        return
    for path, found in reach.project.files.items():
        for name, spot in found.keywords:
            if name == reach.renaming.old:
                yield path, spot


def _left(what: str, places: Sequence[tuple[str, Spot]]) -> PlanWarning:
    shown = ", ".join(f"{path}:{spot.line}" for path, spot in places[:_SHOWN])
    more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    message = f"{what} were left as they are: {shown}{more}"
    return PlanWarning(code="UNRESOLVED_REFERENCE", message=message, path=places[0][0])
