"""Classes and their bases: in which order attributes are looked up, and what overrides what."""

from __future__ import annotations

from typing import Final

from selfheal.codegraph import builtin
from selfheal.codegraph.flow import Flow, Slot, Thing
from selfheal.codegraph.names import Defined, Namespaces

_PROPERTIES: Final = frozenset({"property", "cached_property", ".cached_property"})
_DEEPEST: Final = 30
_MOST_BELOW: Final = 64
_NONE: Final[frozenset[str]] = frozenset()


class Hierarchy:
    """The classes of a project by fq name, read from the variables that hold their bases."""

    def __init__(self, names: Namespaces, flow: Flow) -> None:
        self._names = names
        self._flow = flow
        self._children: dict[str, set[str]] = {}
        self._is_settled = False
        self._ancestries: dict[str, list[str]] = {}
        self._foreign: dict[str, Thing | None] = {}
        self._below: dict[str, list[str]] = {}

    def settle(self) -> None:
        """From here on no class gets a further base, so what is asked is worked out once."""
        self._is_settled = True
        for answers in (self._ancestries, self._foreign, self._below):
            answers.clear()

    def inherit(self, child: str, parent: str) -> None:
        """Notes that class `child` has the base `parent`."""
        self._children.setdefault(parent, set()).add(child)

    def children(self, owner: str) -> list[str]:
        """The classes that have `owner` as a direct base."""
        return sorted(self._children.get(owner, ()))

    def overriding(self, owner: str, name: str) -> list[str]:
        """The classes below `owner` that define the method `name`."""
        if owner not in self._below or not self._is_settled:
            self._below[owner] = self._all_below(owner)
        definitions = self._names.definitions
        return [child for child in self._below[owner] if f"{child}.{name}" in definitions]

    def is_left_to_children(self, owner: str, name: str) -> bool:
        """Whether every class right below `owner`, and there is one, defines the method `name`."""
        children = self._children.get(owner, ())
        return bool(children) and all(
            f"{child}.{name}" in self._names.definitions for child in children
        )

    def is_protocol(self, owner: str) -> bool:
        """Whether a class says what others can do: it has the base `typing.Protocol`."""
        outside = (thing.name for thing in self._held(owner) if thing.kind == "namespace")
        return any(name in builtin.PROTOCOLS for name in outside)

    def _all_below(self, owner: str) -> list[str]:
        found: dict[str, None] = {}
        waiting = self.children(owner)
        for child in waiting:
            if child not in found and len(found) < _MOST_BELOW:
                found[child] = None
                waiting.extend(self.children(child))
        return list(found)

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
        if owner not in self._ancestries or not self._is_settled:
            self._ancestries[owner] = self._linearised(owner)
        return self._ancestries[owner]

    def after(self, owner: str, receiver: str) -> list[str]:
        """What `super()` in a method of `owner` looks in, for an instance of class `receiver`."""
        ancestry = self.ancestry(receiver)
        if owner not in ancestry:
            ancestry = self.ancestry(owner)
        return ancestry[ancestry.index(owner) + 1 :]

    def foreign_base(self, owner: str) -> Thing | None:
        """The first class from outside of the project that `owner` comes from."""
        if owner not in self._foreign or not self._is_settled:
            held = (thing for ancestor in self.ancestry(owner) for thing in self._held(ancestor))
            found = (thing for thing in held if thing.kind == "namespace")
            self._foreign[owner] = next(found, None)
        return self._foreign[owner]

    def bases(self, owner: str) -> list[str]:
        """The direct bases of a class that are classes of the project, in written order."""
        return [thing.name for thing in self._held(owner) if thing.kind == "class"]

    def _held(self, owner: str) -> list[Thing]:
        defined = self._names.definitions.get(owner)
        written = len(defined.fact.bases) if defined is not None else 0
        slots = (base_slot(owner, index) for index in range(written))
        return [thing for slot in slots for thing in self._flow.read(slot)]

    def _linearised(self, owner: str) -> list[str]:
        found: list[str] = []
        self._collect(owner, found, ())
        return list(reversed(dict.fromkeys(reversed(found))))

    def _collect(self, owner: str, found: list[str], below: tuple[str, ...]) -> None:
        found.append(owner)
        for base in self.bases(owner):
            if base not in below and base != owner and len(below) < _DEEPEST:
                self._collect(base, found, (*below, owner))


def base_slot(owner: str, index: int) -> Slot:
    """The variable that holds the base at `index` of class `owner`."""
    return Slot(owner, f"<base {index}>")


def decorator_names(defined: Defined) -> frozenset[str]:
    """The last step of each decorator: `.setter`, `staticmethod`."""
    decorators = defined.fact.decorators
    return frozenset(chain[-1] for chain in decorators) if decorators else _NONE


def is_property(defined: Defined) -> bool:
    """Whether reading the attribute runs the method."""
    return bool(decorator_names(defined) & _PROPERTIES)


def receiver_name(defined: Defined) -> str:
    """The name of the parameter that gets the instance or class; empty when none does."""
    if defined.fact.kind != "method" or "staticmethod" in decorator_names(defined):
        return ""
    return next((name for name in defined.fact.parameters if not name.startswith("*")), "")
