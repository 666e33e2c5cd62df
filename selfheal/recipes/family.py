"""The classes that share a member by inheritance: renamed in one, it is renamed in all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from selfheal.contracts.plan import PlanWarning
from selfheal.recipes.definition import Key, Renaming
from selfheal.recipes.project import Project
from selfheal.recipes.rewrite import CannotDo

Answer = Literal["yes", "no", "unknown"]

# Bases from outside that bring no members a project would override by chance.
_BARE = frozenset({"object", "Generic", "Protocol", "ABC"})


@dataclass(frozen=True)
class Family:
    """The class that owns the member, and every class that descends from it."""

    project: Project
    renaming: Renaming

    @cached_property
    def members(self) -> frozenset[str]:
        """Their fq names."""
        names = self.project.names
        ancestry = self.project.resolver.hierarchy.ancestry
        classes = (name for name in names.definitions if names.is_class(name))
        return frozenset(name for name in classes if self.renaming.owner in ancestry(name))

    @property
    def scopes(self) -> Iterator[Key]:
        """The class bodies that define the member."""
        for name in sorted(self.members):
            if self.project.names.binds(name, self.renaming.old):
                defined = self.project.names.definitions[name]
                yield defined.path, defined.fact.qualname

    def obstacle(self) -> CannotDo | None:
        """Why the member cannot be renamed in this class; None when nothing stands in the way."""
        old, new = self.renaming.old, self.renaming.new
        binds, owner = self.project.names.binds, self.renaming.owner
        ancestry = self.project.resolver.hierarchy.ancestry
        for base in ancestry(owner)[1:]:
            if binds(base, old):
                return CannotDo(
                    f"{owner}.{old} overrides {base}.{old}: renamed alone, it would not any more",
                    f"rename {base}.{old}; what overrides it is renamed with it",
                )
        related = {name for member in self.members for name in ancestry(member)}
        for name in sorted(related):
            if binds(name, new):
                return CannotDo(f"{name} has a {new} already", "choose another name")
        return None

    def has(self, owner: str) -> Answer:
        """Whether the member of class `owner`, or of an instance of it, is ours."""
        if not self.project.names.is_class(owner):
            return "unknown"
        binds = self.project.names.binds
        ancestry = self.project.resolver.hierarchy.ancestry(owner)
        first = next((name for name in ancestry if binds(name, self.renaming.old)), None)
        if first is not None:
            return "yes" if first in self.members else "no"
        # A base may call what only the classes below it define.
        return "yes" if self._is_filled_by_us(owner) else "unknown"

    def _is_filled_by_us(self, base: str) -> bool:
        """Whether of all classes below `base` those with the member are ours."""
        names, ancestry = self.project.names, self.project.resolver.hierarchy.ancestry
        below = [
            name
            for name in names.definitions
            if names.is_class(name) and names.binds(name, self.renaming.old)
            if base in ancestry(name)
        ]
        return bool(below) and self.members.issuperset(below)

    def warnings(self) -> Iterator[PlanWarning]:
        """What cannot be known about the classes' bases."""
        outside = sorted(set(self._outside()))
        old, path = self.renaming.old, self.renaming.symbol.file_path
        if outside:
            yield PlanWarning(
                code="UNRESOLVED_REFERENCE",
                message=f"whether {', '.join(outside)}, outside of the repository, has or calls"
                f" {old} is not known",
                path=path,
            )
        others = sorted(set(self._rivals()))
        if others:
            yield PlanWarning(
                code="UNRESOLVED_REFERENCE",
                message=f"{', '.join(others)}: a class that descends from it and from"
                f" {self.renaming.owner} has two members {old}; only ours is renamed",
                path=path,
            )

    def _outside(self) -> Iterator[str]:
        """Base classes of the owner that are none of the repository's, as they are written."""
        resolver, definitions = self.project.resolver, self.project.names.definitions
        for name in resolver.hierarchy.ancestry(self.renaming.owner):
            written = definitions[name].fact.bases
            if len(resolver.hierarchy.bases(name)) < len(written):
                known = {base.rpartition(".")[2] for base in resolver.hierarchy.bases(name)}
                for chain in written:
                    last = chain[-1].lstrip(".") if chain else ""
                    if last and last not in known and last not in _BARE:
                        yield "".join(chain)

    def _rivals(self) -> Iterator[str]:
        """Classes that are no family but are mixed with it, and have a member of the name."""
        ancestry = self.project.resolver.hierarchy.ancestry
        kin = self.members | set(ancestry(self.renaming.owner))
        for name in self.members:
            for other in ancestry(name):
                if other not in kin and self.project.names.binds(other, self.renaming.old):
                    yield other
