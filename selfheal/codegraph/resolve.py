"""From chains to things of the project, each with a confidence: names, attributes, results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from selfheal.codegraph.facts import RETURN, YIELD, Chain
from selfheal.codegraph.flow import Flow, Slot, Thing, Values
from selfheal.codegraph.names import Defined, Namespaces, full_name

OVERRIDDEN: Final = 0.5
"""Confidence that a method missing in a class is the one its subclasses define."""

_PROPERTIES: Final = frozenset({"property", "cached_property", ".cached_property"})
_CALLABLE: Final = frozenset({"function", "bound"})
_WITH_MEMBERS: Final = frozenset({"class", "instance"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expression is written."""

    path: str
    module: str
    scope: str


class Resolver:
    """Evaluates chains against the variables of a Flow."""

    def __init__(self, names: Namespaces, flow: Flow) -> None:
        self._names = names
        self._flow = flow
        self._subclasses: dict[str, set[str]] = {}
        self._ancestries: dict[str, list[str]] | None = None

    def evaluate(self, chain: Chain, place: Place) -> Values:
        """What `chain` may stand for at `place`; empty for what lies outside of the project."""
        if not chain:
            return {}
        values = self._base(chain[0], place)
        for step in chain[1:]:
            if not values:
                return {}
            values = self._step(values, step, place)
        return values

    def settle_bases(self) -> None:
        """From here on no class gets a further base, so ancestries are worked out once."""
        self._ancestries = {}

    def inherit(self, child: str, parent: str) -> None:
        """Notes that class `child` has the base `parent`."""
        self._subclasses.setdefault(parent, set()).add(child)

    def properties(self, chain: Chain, place: Place) -> dict[str, float]:
        """The properties that reading the attribute `chain` runs, by fq name with confidence."""
        found = {}
        for thing, confidence in self.evaluate(chain[:-1], place).items():
            defined = self.method(thing.name, chain[-1][1:]) if thing.kind == "instance" else None
            if defined is not None and is_property(defined):
                found[defined.fq_name] = confidence
        return found

    def method(self, owner: str, name: str) -> Defined | None:
        """The definition that attribute `name` of class `owner` finds first, if it is a method."""
        for ancestor in self.ancestry(owner):
            if self._names.binds(ancestor, name):
                return self._names.definitions.get(f"{ancestor}.{name}")
        return None

    def ancestry(self, owner: str) -> list[str]:
        """`owner` and its bases of the project in the order in which attributes are looked up.

        Depth first, a class that several bases share after the last of them: for the hierarchies
        that Python accepts this is almost always its C3 order.
        """
        if self._ancestries is None:
            return self._linearised(owner)
        if owner not in self._ancestries:
            self._ancestries[owner] = self._linearised(owner)
        return self._ancestries[owner]

    def _linearised(self, owner: str) -> list[str]:
        found: list[str] = []
        self._collect(owner, found, ())
        return list(reversed(dict.fromkeys(reversed(found))))

    def _collect(self, owner: str, found: list[str], below: tuple[str, ...]) -> None:
        found.append(owner)
        for base in self.bases(owner):
            if base not in below and base != owner and len(below) < 30:
                self._collect(base, found, (*below, owner))

    def bases(self, owner: str) -> list[str]:
        """The direct bases of a class that are classes of the project, in written order."""
        defined = self._names.definitions[owner]
        return [
            thing.name
            for index in range(len(defined.fact.bases))
            for thing in self._flow.read(base_slot(owner, index))
            if thing.kind == "class"
        ]

    def _base(self, base: str, place: Place) -> Values:
        kind, _, rest = base.partition(":")
        match kind if rest else "":
            case "import":
                return self._module(rest, place.path)
            case "def":
                return {self.defined(full_name(place.module, rest)): 1.0}
            case "at":
                return {Thing("container", f"{place.module}:{rest}"): 1.0}
            case _:
                return self._name(base, place)

    def defined(self, fq_name: str) -> Thing:
        """The thing that a definition makes."""
        kind = self._names.definitions[fq_name].fact.kind
        return Thing("class" if kind == "class" else "function", fq_name)

    def _module(self, module: str, importer: str) -> Values:
        path = self._names.modules.find(module, importer=importer)
        if path is not None:
            return {Thing("module", path): 1.0}
        return {Thing("namespace", module, importer): 1.0}

    def _name(self, name: str, place: Place) -> Values:
        scope = self._names.scope_of_name(place.module, place.scope, name)
        if scope is not None:
            return self._flow.read(Slot(scope, name))
        if name == "super":
            return {Thing("super", ""): 1.0}
        owner = self._names.starred(place.path).get(name)
        return self._flow.read(Slot(owner, name)) if owner is not None else {}

    def _step(self, values: Values, step: str, place: Place) -> Values:
        result: dict[Thing, float] = {}
        for thing, confidence in values.items():
            for other, own in self._stepped(thing, step, place).items():
                limited = min(own, confidence)
                if result.get(other, 0.0) < limited:
                    result[other] = limited
        return result

    def _stepped(self, thing: Thing, step: str, place: Place) -> Values:
        if step == "()":
            return self._result(thing, place)
        if step == "with":
            return self._entered(thing, place)
        if step.startswith("["):
            return self._item(thing, step, place)
        return self.attribute(thing, step[1:])

    def attribute(self, thing: Thing, name: str) -> Values:
        """What `name` of `thing` may be."""
        match thing.kind:
            case "module":
                return self._member_of_module(thing.name, name)
            case "namespace":
                dot = "" if thing.name.endswith(".") else "."
                return self._module(f"{thing.name}{dot}{name}", thing.about)
            case "class" | "instance":
                found = self._member(thing, name, self.ancestry(thing.name))
                return found if found is not None else self._overrides(thing, name)
            case "super" if not thing.name:
                return {}  # the built-in itself: nobody has called it
            case "super":
                receiver = Thing("instance", thing.about)
                return self._member(receiver, name, self.ancestry(thing.name)[1:]) or {}
            case _:
                return {}

    def _member_of_module(self, path: str, name: str) -> Values:
        module = self._names.modules.name_of(path)
        starred = self._names.starred(path)
        is_bound = self._names.binds(module, name) or name in starred
        held = self._flow.read(Slot(starred.get(name, module), name)) if is_bound else {}
        # A package that says `from . import name` binds the name to nothing but its submodule.
        if not held and path.endswith("__init__.py"):
            submodule = self._names.modules.find(f".{name}", importer=path)
            if submodule is not None:
                return {Thing("module", submodule): 1.0}
        if is_bound:
            return held
        if path in self._names.files and path not in self._names.stars:
            return {Thing("missing", f"{module}.{name}"): 1.0}
        return {}

    def _member(self, thing: Thing, name: str, ancestry: list[str]) -> Values | None:
        """What the first class of `ancestry` with this member holds; None when none has it."""
        for ancestor in ancestry:
            held = self._flow.read(Slot(ancestor, name))
            if held or self._names.binds(ancestor, name):
                return self._taken(held, thing)
        return None

    def _overrides(self, thing: Thing, name: str) -> Values:
        """What subclasses define where their base only calls: the template method pattern."""
        if thing.kind != "instance" or name.startswith("__"):
            return {}
        return {
            Thing("bound", f"{child}.{name}", child): OVERRIDDEN
            for child in sorted(self._subclasses.get(thing.name, ()))
            if f"{child}.{name}" in self._names.definitions
        }

    def _taken(self, held: Values, receiver: Thing) -> Values:
        """Members as `receiver.name` gives them: methods bound, properties as their value."""
        taken: dict[Thing, float] = {}
        for thing, confidence in held.items():
            for other in self._bound(thing, receiver):
                taken[other] = max(confidence, taken.get(other, 0.0))
        return taken

    def _bound(self, thing: Thing, receiver: Thing) -> Iterator[Thing]:
        defined = self._names.definitions.get(thing.name)
        if thing.kind != "function" or defined is None or defined.fact.kind != "method":
            yield thing
            return
        marks = decorator_names(defined)
        if receiver.kind == "instance" and is_property(defined):
            yield from self._flow.read(Slot(thing.name, RETURN))
        elif "staticmethod" in marks or (receiver.kind == "class" and "classmethod" not in marks):
            yield thing
        else:
            yield Thing("bound", thing.name, receiver.name)

    def _result(self, thing: Thing, place: Place) -> Values:
        """What calling `thing` gives."""
        match thing.kind:
            case "class":
                return {Thing("instance", thing.name): 1.0}
            case "function" | "bound":
                if self._names.binds(thing.name, YIELD):
                    return {Thing("generator", thing.name): 1.0}
                return self._flow.read(Slot(thing.name, RETURN))
            case "instance":
                return self._asked(thing, "__call__", place)
            case "super":
                owner = self._names.enclosing_class(place.module, place.scope)
                return {Thing("super", owner, owner): 1.0} if owner else {}
            case _:
                return {}

    def made_by(self, function: str) -> Values:
        """What a function gives, or yields to the one who asked: a fixture's value."""
        name = YIELD if self._names.binds(function, YIELD) else RETURN
        return self._flow.read(Slot(function, name))

    def _asked(self, thing: Thing, method: str, place: Place) -> Values:
        """What a special method of an instance gives."""
        found = {
            callee: confidence
            for callee, confidence in self.attribute(thing, method).items()
            if callee.kind in _CALLABLE
        }
        return self._step(found, "()", place)

    def _entered(self, thing: Thing, place: Place) -> Values:
        if thing.kind == "generator":
            return self._item(thing, "[]", place)
        if thing.kind != "instance":
            return {}
        asked = self._asked(thing, "__enter__", place) or self._asked(thing, "__aenter__", place)
        return asked or {thing: 1.0}

    def _item(self, thing: Thing, step: str, place: Place) -> Values:
        match thing.kind:
            case "container":
                return self._element(thing.name, step)
            case "generator":
                return self._flow.read(Slot(thing.name, YIELD))
            case "instance" if step == "[]":
                return self._iterated(thing, place)
            case "instance":
                return self._asked(thing, "__getitem__", place)
            case _:
                return {}

    def _iterated(self, thing: Thing, place: Place) -> Values:
        found: dict[Thing, float] = {}
        for iterator in self._asked(thing, "__iter__", place):
            if iterator.kind == "instance":
                found.update(self._asked(iterator, "__next__", place))
            else:
                found.update(self._item(iterator, "[]", place))
        return found

    def _element(self, container: str, step: str) -> Values:
        """The element at a known key and those at unknown keys; every element for `[]`."""
        whole = self._flow.read(Slot(container, "[]"))
        if step == "[]":
            return {**self._flow.read(Slot(container, "[*]")), **whole}
        return {**whole, **self._flow.read(Slot(container, step))}


def base_slot(owner: str, index: int) -> Slot:
    """The variable that holds the base at `index` of class `owner`."""
    return Slot(owner, f"<base {index}>")


def decorator_names(defined: Defined) -> frozenset[str]:
    """The last step of each decorator: `.setter`, `staticmethod`."""
    return frozenset(chain[-1] for chain in defined.fact.decorators)


def is_property(defined: Defined) -> bool:
    """Whether reading the attribute runs the method."""
    return bool(decorator_names(defined) & _PROPERTIES)
