"""The definition that a dotted name stands for, and what holds it: scopes of files, classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from selfheal.codegraph.fixtures import fixture_links
from selfheal.codegraph.resolve import Place
from selfheal.contracts.plan import Symbol, SymbolKind
from selfheal.recipes.occurrences import Imported, Occurrences
from selfheal.recipes.project import Project
from selfheal.recipes.rewrite import CannotDo

Key = tuple[str, str]
"""A path and the key of a scope in it; the empty key is the module's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renaming:
    """A definition and its new name. `owner` is the fq name of the class of a member, else empty.

    `home` is where the definition's name is bound.
    """

    symbol: Symbol
    old: str
    new: str
    owner: str
    home: Key

    @property
    def renamed(self) -> Symbol:
        """The symbol as it will be."""
        scope = self.symbol.fq_name.rpartition(".")[0]
        return self.symbol.model_copy(update={"fq_name": f"{scope}.{self.new}"})


def find_renaming(project: Project, fq_name: str, new: str) -> Renaming | CannotDo | None:
    """What `fq_name` defines; None where it is gone and `new` stands in its place already."""
    module, path, qualname = _split(project, fq_name)
    if path is None:
        return CannotDo(
            f"there is no symbol {fq_name}: no module of the repository begins its name",
            "name it as its file says: package.module.name, without a leading src",
        )
    if not qualname:
        return CannotDo(
            f"{fq_name} is a module", "rename its file by hand: a recipe renames what is in a file"
        )
    if problem := project.facts(path).problem:
        return CannotDo(f"{path} cannot be read: {problem}", "mend its syntax first")
    scope, _, old = qualname.rpartition(".")
    for name in (old, new):
        if name.startswith("__") and name.endswith("__"):
            return CannotDo(f"{name} has a meaning to Python itself", "choose another name")
    found = project.files.get(path, Occurrences())
    if not _is_bound(found, scope, old):
        if _is_bound(found, scope, new):
            return None
        suggestion = _inherited(project, f"{module}.{scope}", old)
        return CannotDo(
            f"{module} has no {qualname}", suggestion or _suggestion(project, path, scope)
        )
    if imported := _imported_only(found, scope, old):
        return CannotDo(
            f"{fq_name} is not defined in {path} but imported",
            f"name its definition{_origin(project, path, imported)}",
        )
    owner = f"{module}.{scope}" if project.names.is_class(f"{module}.{scope}") else ""
    return Renaming(
        symbol=Symbol(fq_name=fq_name, kind=_kind(project, fq_name), file_path=path),
        old=old,
        new=new,
        owner=owner,
        home=(path, scope),
    )


def fixture_users(project: Project, renaming: Renaming) -> Iterator[Key]:
    """Functions that ask for the definition as a pytest fixture, by a parameter of its name."""
    for link in fixture_links(project.names):
        if link.fixture == renaming.symbol.fq_name and link.parameter == renaming.old:
            user = project.names.definitions[link.user]
            yield user.path, user.fact.qualname


def _split(project: Project, fq_name: str) -> tuple[str, str | None, str]:
    """The longest module that begins the name, its path, and the rest."""
    parts = fq_name.split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(parts[:length])
        path = project.path_of(module)
        if path is not None:
            return module, path, ".".join(parts[length:])
    return "", None, fq_name


def _is_bound(found: Occurrences, scope: str, name: str) -> bool:
    return any(one.key == scope and name in one.bound for one in found.scopes)


def _imported_only(found: Occurrences, scope: str, name: str) -> Imported | None:
    """The import that binds the name, where nothing else does."""
    if any(
        word.binds and word.name == name and word.scope.key == scope and word.scope.path_to(name)
        for word in found.words
    ):
        return None
    imports = [one for one in found.imports if one.binds and one.scope.key == scope]
    return next((one for one in imports if one.name == name), None)


def _origin(project: Project, path: str, imported: Imported) -> str:
    place = Place(path, project.modules.name_of(path), imported.scope.qualname)
    chain = (f"import:{imported.module}", f".{imported.name}")
    found = [thing.name for thing in project.resolver.evaluate(chain, place)]
    defined = [name for name in found if name in project.names.definitions]
    return f", {defined[0]}" if defined else f" in {imported.module}"


def _kind(project: Project, fq_name: str) -> SymbolKind:
    defined = project.names.definitions.get(fq_name)
    if defined is None or defined.fact.kind == "lambda":
        return "variable"
    return defined.fact.kind


def _inherited(project: Project, owner: str, name: str) -> str:
    """The base class that a member comes from, as a next step; empty when there is none."""
    ancestry = project.resolver.hierarchy.ancestry(owner) if project.names.is_class(owner) else []
    found = next((base for base in ancestry if project.names.binds(base, name)), "")
    return f"{owner} inherits it: rename {found}.{name}" if found else ""


def _suggestion(project: Project, path: str, scope: str) -> str:
    names = sorted(
        definition.qualname
        for definition in project.facts(path).definitions
        if definition.qualname.rpartition(".")[0] == scope and "<" not in definition.qualname
    )
    known = f"; {path} defines {', '.join(names[:10])}" if names else ""
    return f"name a function, class, method or variable that is defined in a file{known}"
