"""The part of many files' facts that says who comes to certain names: little of it, by names alone.

A slice has what is done in some chosen definitions, every call elsewhere that speaks of a wanted
name, and what it takes to tell which things these are about: backwards from a name to what is bound
to it, to the names in that, and so on. Linked alone it gives the edges that the whole would give
for those names, but for what reaches them under another name that nobody says.

An attribute stands for all that are called so, in any class that is spoken of: a slice has too much
rather than too little. After Weiser, "Program Slicing" (1981), with what rapid type analysis (Bacon
and Sweeney, 1996) adds: a class that nobody names has no members.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from selfheal.codegraph.facts import (
    RETURN,
    YIELD,
    Binding,
    Call,
    Chain,
    Definition,
    FileFacts,
    Import,
)
from selfheal.codegraph.source import module_name

WHOLE: Final = ""
"""The qualname that stands for everything in a file."""

_RESULTS: Final = (RETURN, YIELD)


def speaks_of(call: Call, steps: frozenset[str]) -> bool:
    """Whether what is called, or what it is given, has one of these steps."""
    if not steps.isdisjoint(call.target):
        return True
    return any(not steps.isdisjoint(one.value) for one in call.arguments)


def as_steps(names: Iterable[str]) -> frozenset[str]:
    """Names as they are in chains, with and without what they are an attribute of."""
    return frozenset(step for name in names for step in (name, f".{name}"))


@dataclass(slots=True)
class _File:
    """A file, what is chosen of it (None where it is not among the chosen), and what is kept.

    `used` are the definitions that are spoken of, or in which something is kept.
    """

    facts: FileFacts
    definitions: dict[str, Definition]
    chosen: Collection[str] | None
    classes: dict[str, str] = field(default_factory=dict)
    variables: dict[tuple[str, str], list[Binding]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    bindings: set[int] = field(default_factory=set)
    asked: set[tuple[str, str]] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    def class_around(self, scope: str) -> str:
        """The innermost class of a scope; empty where there is none."""
        found = self.classes.get(scope)
        if found is None:
            own = self.definitions.get(scope)
            is_class = own is not None and own.kind == "class"
            outer = scope.rpartition(".")[0]
            found = scope if is_class else self.class_around(outer) if outer else WHOLE
            self.classes[scope] = found
        return found

    def is_chosen(self, scope: str) -> bool:
        """Whether it is in what was chosen of this file."""
        if not self.chosen:
            return False
        return any(one in self.chosen for one in (WHOLE, *_outwards(scope)))


_Part = tuple[_File, Binding | Definition]


class Wish(NamedTuple):
    """What an import that matters is of; `name` is empty where no attribute is asked of it."""

    importer: str
    module: str
    name: str


class Slice:
    """What says who comes to the `wanted` names, and all of what is `chosen`.

    `chosen` has qualnames by path, WHOLE for everything there. Files may be added one after the
    other: what was added before asks for parts of them too.
    """

    def __init__(self, wanted: Iterable[str], chosen: Mapping[str, Collection[str]]) -> None:
        self._wanted = as_steps(wanted)
        self._chosen = chosen
        self._modules = {module_name(path).rpartition(".")[2] for path in chosen}
        self._spoken: set[str] = set()
        # What nobody has asked for yet: variables of a file by scope and name, what attributes and
        # calls may mean by its name, and members of classes that nobody has spoken of.
        self._named: dict[str, list[_Part]] = defaultdict(list)
        self._members: dict[tuple[str, str], list[tuple[str, _Part]]] = defaultdict(list)
        self._waiting: list[_Part] = []
        self._files: list[_File] = []
        self._wishes: set[Wish] = set()

    def add(self, files: Iterable[FileFacts]) -> None:
        """Look into more files."""
        added = [_opened(file, self._chosen.get(file.path)) for file in files]
        self._files += added
        for file in added:
            self._offer_all(file)
        for file in added:
            self._begin(file)
        self._follow()

    def wishes(self) -> tuple[Wish, ...]:
        """The modules that would tell more if they were added; of what is chosen first."""
        return tuple(sorted(self._wishes, key=lambda one: (one[0] not in self._chosen, one)))

    def files(self) -> Iterator[FileFacts]:
        """What was kept, by file as they came."""
        for file in self._files:
            facts = file.facts
            yield facts._replace(
                imports=tuple(one for one in facts.imports if self._is_told(file, one)),
                calls=tuple(file.calls),
                bindings=tuple(one for one in facts.bindings if id(one) in file.bindings),
                definitions=tuple(
                    one
                    for one in facts.definitions
                    if file.chosen is not None or one.qualname in file.used
                ),
            )

    def _is_told(self, file: _File, fact: Import) -> bool:
        """Whether it may be of a module with something chosen, or brings names nobody sees."""
        last = fact.module.rpartition(".")[2]
        is_of_chosen = last in self._modules or fact.name in self._modules
        return is_of_chosen or fact.name == "*" or bool(file.chosen)

    def _offer_all(self, file: _File) -> None:
        """Put the parts of a file where they can be asked for."""
        for definition in file.facts.definitions:
            outer, _, name = definition.qualname.rpartition(".")
            self._offer(name, (file, definition), owner=file.class_around(outer))
        for binding in file.facts.bindings:
            scope, name = binding.scope, binding.target[-1]
            if name in _RESULTS:
                called = scope.rpartition(".")[2]
                self._offer(called, (file, binding), owner=file.class_around(scope))
            elif name[0] == ".":
                self._offer(name, (file, binding), owner=file.class_around(scope))
            else:
                file.variables.setdefault((scope, binding.target[0]), []).append(binding)
                if name is binding.target[0] and scope == (owner := file.class_around(scope)):
                    self._offer(f".{name}", (file, binding), owner=owner)

    def _offer(self, name: str, part: _Part, *, owner: str) -> None:
        """Keep a part ready for who asks for its name; a member once its class is used."""
        file = part[0]
        if owner and owner not in file.used:
            self._members[file.facts.path, owner].append((name, part))
        elif name in self._spoken or name.startswith("__"):  # protocols call without a name
            self._waiting.append(part)
        else:
            self._named[name].append(part)

    def _begin(self, file: _File) -> None:
        """Keep what is chosen and what speaks of the wanted names."""
        for call in file.facts.calls:
            if speaks_of(call, self._wanted) or file.is_chosen(call.scope):
                file.calls.append(call)
                self._ask(file, call.scope, call.target)
                for argument in call.arguments:
                    self._ask(file, call.scope, argument.value)
        for binding in file.facts.bindings:
            if not self._wanted.isdisjoint(binding.value) or file.is_chosen(binding.scope):
                self._waiting.append((file, binding))
        for definition in file.facts.definitions:
            said = (definition.parameters, *definition.bases, *definition.decorators)
            is_said = any(not self._wanted.isdisjoint(one) for one in said)
            if is_said or file.is_chosen(definition.qualname):
                self._waiting.append((file, definition))

    def _follow(self) -> None:
        """Keep what is waiting, and what that asks for, until nothing new is asked for."""
        while self._waiting:
            file, part = self._waiting.pop()
            if isinstance(part, Definition):
                self._use(file, part.qualname)
            elif id(part) not in file.bindings:
                file.bindings.add(id(part))
                self._ask(file, part.value_scope, part.value)
                self._ask(file, part.scope, part.target[:-1])

    def _ask(self, file: _File, scope: str, chain: Chain) -> None:
        """Ask for whatever may be bound to the names in a chain."""
        self._use(file, scope)
        base = chain[0] if chain else WHOLE
        kind, _, rest = base.partition(":")
        if kind == "import":
            name = chain[1][1:] if chain[1:] and chain[1][0] == "." else ""
            self._wishes.add(Wish(file.facts.path, rest, name))
        elif kind == "def":
            self._use(file, rest)
            self._speak(rest.rpartition(".")[2])
        elif base and not (rest and kind == "value"):
            self._ask_name(file, scope, base)
        for step in chain[1:]:
            if step[0] == ".":
                self._speak(step)
            elif step.startswith("via:"):
                self._ask_name(file, scope, step.removeprefix("via:").partition(".")[0])

    def _ask_name(self, file: _File, scope: str, name: str) -> None:
        """Ask for a name where it is used, and in every scope around."""
        for around in (*_outwards(scope), WHOLE):
            place = (around, name)
            if place not in file.asked:
                file.asked.add(place)
                self._waiting += [(file, one) for one in file.variables.pop(place, ())]
        self._speak(name)

    def _speak(self, step: str) -> None:
        """Ask for everything of that name: an attribute, a definition and what it gives."""
        if step not in self._spoken:
            self._spoken.add(step)
            self._waiting += self._named.pop(step, ())
            if step[0] == ".":
                self._speak(step[1:])

    def _use(self, file: _File, qualname: str) -> None:
        """Keep a definition and those around it, with their members."""
        for around in _outwards(qualname):
            if around in file.used:
                return
            file.used.add(around)
            definition = file.definitions.get(around)
            if definition is None:
                continue
            for chain in (*definition.decorators, *definition.bases):
                self._ask(file, around.rpartition(".")[0], chain)
            for name, part in self._members.pop((file.facts.path, around), ()):
                self._offer(name, part, owner=WHOLE)


def _opened(facts: FileFacts, chosen: Collection[str] | None) -> _File:
    return _File(facts, {one.qualname: one for one in facts.definitions}, chosen)


def _outwards(qualname: str) -> Iterator[str]:
    """A qualname and those around it, the module left out."""
    while qualname:
        yield qualname
        qualname = qualname.rpartition(".")[0]
