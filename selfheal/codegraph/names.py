"""The namespaces of a set of files: which scope binds which name, before any value is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from selfheal.codegraph.facts import Chain, Definition, FileFacts
from selfheal.codegraph.source import Modules


@dataclass(frozen=True, slots=True)
class Defined:
    """A definition with its place in the project; `module` is the name of the file's module."""

    fq_name: str
    module: str
    path: str
    fact: Definition

    @property
    def name(self) -> str:
        """The last part of it."""
        return self.fact.qualname.rpartition(".")[2]

    @property
    def parent(self) -> str:
        """The fq name of the scope that holds it."""
        return full_name(self.module, self.fact.qualname.rpartition(".")[0])


class Namespaces:
    """Definitions by fq name, and the names that each scope (an fq name) binds."""

    def __init__(self, facts: Iterable[FileFacts], modules: Modules) -> None:
        self.modules = modules
        self.files = {file.path: file for file in facts}
        self.definitions: dict[str, Defined] = {}
        self.stars: dict[str, list[str]] = defaultdict(list)
        self._called: set[str] = set()
        self._bound: dict[str, set[str]] = defaultdict(set)
        self._imported: dict[str, set[str]] = defaultdict(set)
        self._starred: dict[str, dict[str, str]] = {}
        for file in self.files.values():
            self._enter(file, modules.name_of(file.path))

    def _enter(self, file: FileFacts, module: str) -> None:
        self._bound[module] |= set()
        for definition in file.definitions:
            fq_name = full_name(module, definition.qualname)
            defined = Defined(fq_name, module, file.path, definition)
            # An overload or a property's setter repeats the name: the first is its place.
            self.definitions.setdefault(fq_name, defined)
            self._bound[defined.parent].add(definition.qualname.rpartition(".")[2])
            self._bound[fq_name] |= {name.lstrip("*") for name in definition.parameters}
        for binding in file.bindings:
            if len(binding.target) == 1:
                scope = full_name(module, binding.scope)
                self._bound[scope].add(binding.target[0])
                if binding.value and binding.value[0].startswith("import:"):
                    self._imported[scope].add(binding.target[0])
            if not binding.is_type:
                self._call(binding.value)
        for call in file.calls:
            self._called.add(call.target[-1])
            for argument in call.arguments:
                self._call(argument.value)
        for imported in file.imports:
            if imported.name == "*":
                self.stars[file.path].append(imported.module)

    def _call(self, chain: Chain) -> None:
        if "()" in chain:
            self._called.update(chain[at - 1] for at, step in enumerate(chain) if step == "()")

    def is_called(self, name: str) -> bool:
        """Whether something of this name is called anywhere."""
        return name in self._called or f".{name}" in self._called

    def binds(self, scope: str, name: str) -> bool:
        """Whether the text of `scope` binds `name`."""
        return name in self._bound.get(scope, ())

    def is_replaced(self, defined: Defined) -> bool:
        """Whether a definition only stands in for an import that failed."""
        name = defined.fact.qualname.rpartition(".")[2]
        return defined.fact.is_fallback and name in self._imported.get(defined.parent, ())

    def is_abstract(self, defined: Defined) -> bool:
        """Whether a method is there to be overridden: it says so, or does nothing but raise."""
        is_declared = any("abstract" in chain[-1] for chain in defined.fact.decorators)
        return defined.fact.kind == "method" and (is_declared or defined.fact.left == "raises")

    def left_open(self) -> Iterator[str]:
        """The names of methods that the classes below may have to define, empty ones too."""
        for defined in self.definitions.values():
            is_empty = defined.fact.kind == "method" and defined.fact.left == "empty"
            if is_empty or self.is_abstract(defined):
                yield defined.name

    def starred(self, path: str) -> dict[str, str]:
        """Names that `from ... import *` brings into a file, each with the module that has it.

        What the file binds itself is left out; `__all__` is not looked at.
        """
        if path not in self.stars:
            return {}
        if path not in self._starred:
            self._starred[path] = {}  # modules that import each other end here
            self._starred[path] = dict(self._brought(path))
        return self._starred[path]

    def _brought(self, path: str) -> Iterator[tuple[str, str]]:
        own = self._bound[self.modules.name_of(path)]
        for star in self.stars[path]:
            source = self.modules.find(star, importer=path)
            if source is None:
                continue
            module = self.modules.name_of(source)
            names = {**self.starred(source), **dict.fromkeys(self._bound[module], module)}
            yield from ((n, m) for n, m in names.items() if n not in own and n[:1] != "_")

    def is_class(self, fq_name: str) -> bool:
        """Whether a class of the project has this name."""
        defined = self.definitions.get(fq_name)
        return defined is not None and defined.fact.kind == "class"

    def enclosing_class(self, module: str, scope: str) -> str:
        """The innermost class around the qualname `scope`; empty when there is none."""
        return next(filter(self.is_class, scopes_of(module, scope)), "")

    def scope_of_name(self, module: str, scope: str, name: str) -> str | None:
        """The scope that `name` belongs to when it is used in `scope`; None if none binds it.

        The rule of the language: a class body is seen by itself only, not by its methods.
        """
        for outer, candidate in enumerate(scopes_of(module, scope)):
            if outer and self.is_class(candidate):
                continue
            if self.binds(candidate, name):
                return candidate
        return None


def scopes_of(module: str, scope: str) -> Iterator[str]:
    """The fq names of `scope` and of every scope around it, innermost first."""
    while scope:
        yield f"{module}.{scope}"
        scope = scope.rpartition(".")[0]
    yield module


def full_name(module: str, qualname: str) -> str:
    """The fq name of a qualname; the module's own for an empty one."""
    return f"{module}.{qualname}" if qualname else module
