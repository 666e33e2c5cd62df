"""What a definition is known as, and where: the scopes that hold it, what resolves to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from selfheal.codegraph.flow import Thing
from selfheal.codegraph.linking import PASSED
from selfheal.recipes.definition import Key, Renaming, fixture_users
from selfheal.recipes.family import Answer, Family
from selfheal.recipes.occurrences import Imported, Member, Word
from selfheal.recipes.project import Project


@dataclass(frozen=True)
class Reach:
    """Tells for each occurrence of the old name whether it is the definition."""

    project: Project
    renaming: Renaming

    @cached_property
    def family(self) -> Family | None:
        """The classes of a member; None for what is no member."""
        return Family(self.project, self.renaming) if self.renaming.owner else None

    @cached_property
    def held(self) -> frozenset[Key]:
        """The scopes in which the old name stands for the definition."""
        held = {self.renaming.home, *fixture_users(self.project, self.renaming)}
        if self.family is not None:
            return frozenset(held.union(self.family.scopes))
        while further := {*self._importers(held), *self._star_importers(held)} - held:
            held |= further
        return frozenset(held)

    def imports(self) -> Iterator[tuple[str, Imported]]:
        """Every import of the old name, with the path of its file."""
        for path, found in self.project.files.items():
            for imported in found.imports:
                if self.renaming.old in (imported.name, imported.module.partition(".")[0]):
                    yield path, imported

    def word_is_ours(self, path: str, word: Word) -> bool:
        """Whether a bare name is the definition."""
        asked = word.scope.path_to(word.name)
        if asked:
            return (path, asked[-1].key) in self.held
        # Unbound in the file: a builtin, or what `import *` brought.
        return (path, "") in self.held and word.name in self.project.names.starred(path)

    def import_is_ours(self, path: str, imported: Imported) -> bool:
        """Whether an import takes the definition from where it is known."""
        return bool(imported.name) and self._source(path, imported) in self.held

    def import_binds_ours(self, path: str, imported: Imported) -> bool:
        """Whether an import binds the name that stands for the definition."""
        return imported.binds and (path, self._binder(imported)) in self.held

    def is_listed(self, path: str) -> bool:
        """Whether the name in the file's `__all__` is the definition."""
        return self.family is None and (path, "") in self.held

    def meant(self, path: str, member: Member) -> Answer:
        """Whether a member is the definition, for everything that its receiver may be.

        An annotation or an assignment outweighs what some call passes in.
        """
        place = self.project.place(path, member)
        things = [
            (thing, confidence)
            for chain in member.receivers
            for thing, confidence in self.project.resolver.evaluate(chain, place).items()
        ]
        stated = [thing for thing, confidence in things if confidence > PASSED]
        answers: set[Answer] = {self._has(one) for one in stated or [one for one, _ in things]}
        return answers.pop() if len(answers) == 1 else "unknown"

    def _has(self, thing: Thing) -> Answer:
        match thing.kind:
            case "class" | "instance" | "super":
                return self.family.has(thing.name) if self.family is not None else "no"
            case "module" if self.family is None:
                return "yes" if (thing.name, "") in self.held else "no"
            case "missing" | "foreign" | "namespace":
                return "unknown"
            case _:
                return "no"

    def _importers(self, held: set[Key]) -> Iterator[Key]:
        for path, imported in self.imports():
            if imported.binds and imported.name and self._source(path, imported) in held:
                yield path, self._binder(imported)

    def _star_importers(self, held: set[Key]) -> Iterator[Key]:
        modules = {self.project.modules.name_of(path) for path, key in held if not key}
        for path in self.project.names.stars:
            if self.project.names.starred(path).get(self.renaming.old) in modules:
                yield path, ""

    def _source(self, path: str, imported: Imported) -> Key:
        """The module that an import takes its name from; one from outside has no path."""
        return self.project.modules.find(imported.module, importer=path) or "", ""

    def _binder(self, imported: Imported) -> str:
        """The key of the scope that an import binds its name in: `global` may move it."""
        asked = imported.scope.path_to(self.renaming.old)
        return asked[-1].key if asked else imported.scope.key
