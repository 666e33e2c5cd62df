"""A tree as a rename sees it: its names resolved, and where two of them occur."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from selfheal.codegraph.facts import FileFacts
from selfheal.codegraph.linking import resolver_of
from selfheal.codegraph.names import Namespaces, full_name
from selfheal.codegraph.parse import encoded_source, facts_in
from selfheal.codegraph.resolve import Place, Resolver
from selfheal.codegraph.source import Modules, SourceTree, is_python, source_text
from selfheal.contracts.plan import Symbol
from selfheal.errors import InvalidInput
from selfheal.recipes.occurrences import Member, Occurrences, Spot, occurrences_in

_TEXTS = (".pyi", ".toml", ".cfg", ".ini", ".md", ".rst", ".txt", ".yml", ".yaml")
_MOST_TEXTS = 200
"""Each of them may cost a process of git."""


class Project:
    """One tree, read for the sake of `names`."""

    def __init__(self, tree: SourceTree, names: frozenset[str]) -> None:
        self._tree = tree
        self._wanted = names
        self.modules = Modules(tree.paths())
        self._facts = {
            path: facts
            for path in filter(is_python, tree.paths())
            if (facts := facts_in(tree, path)) is not None
        }
        self.names = Namespaces(self._facts.values(), self.modules)

    @cached_property
    def resolver(self) -> Resolver:
        """Evaluates expressions of the tree."""
        return resolver_of(self.names)

    @cached_property
    def files(self) -> dict[str, Occurrences]:
        """The occurrences of the names, for the files that have one and can be read in full."""
        return {
            path: occurrences_in(encoded_source(source_text(self.read(path))), self._wanted)
            for path in self._mentioning
            if not self._facts[path].problem
        }

    @property
    def unread(self) -> dict[str, str]:
        """Files that may have one of the names but cannot be read in full, each with why."""
        paths = [path for path in self._facts if self._facts[path].problem]
        return {path: self._facts[path].problem for path in paths if self._mentions(path)}

    def texts_with(self, name: str) -> Iterator[str]:
        """Files that are no Python source and have `name` as a word."""
        texts = [path for path in self._tree.paths() if path.endswith(_TEXTS)]
        pattern = re.compile(rb"\b%s\b" % re.escape(name.encode()))
        return (path for path in texts[:_MOST_TEXTS] if pattern.search(self.read(path)))

    def read(self, path: str) -> bytes:
        """A file's bytes; none for a file that the tree refuses to read."""
        try:
            return self._tree.read(path) or b""
        except InvalidInput:
            return b""

    def path_of(self, module: str) -> str | None:
        """The file of a module, by the name that symbols give it."""
        return self._paths.get(module)

    def place(self, path: str, member: Member) -> Place:
        """Where a member is written, as the resolver is told."""
        return Place(path, self.modules.name_of(path), member.scope.qualname)

    def symbol_at(self, path: str, spot: Spot) -> Symbol:
        """The innermost definition whose text holds the spot, else the module."""
        module = self.modules.name_of(path)
        around = [
            definition
            for definition in self._facts[path].definitions
            if definition.span.start <= spot.start < definition.span.end
            and "<" not in definition.qualname
        ]
        if not around:
            return Symbol(fq_name=module, kind="module", file_path=path)
        inner = min(around, key=lambda one: one.span.end - one.span.start)
        kind = self.names.definitions[full_name(module, inner.qualname)].fact.kind
        assert kind != "lambda", "the qualname of a lambda has a bracket"
        fq_name = full_name(module, inner.qualname)
        return Symbol(fq_name=fq_name, kind=kind, file_path=path)

    def facts(self, path: str) -> FileFacts:
        """The facts of a Python file of the tree."""
        return self._facts[path]

    @cached_property
    def _paths(self) -> dict[str, str]:
        return {self.modules.name_of(path): path for path in self._facts}

    @cached_property
    def _mentioning(self) -> list[str]:
        return [path for path in sorted(self._facts) if self._mentions(path)]

    def _mentions(self, path: str) -> bool:
        blob = self.read(path)
        return any(name.encode() in blob for name in self._wanted)
