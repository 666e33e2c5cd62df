"""What runs when a thing is called, and which things one call in the text may mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from selfheal.codegraph import builtin
from selfheal.codegraph.containers import type_of
from selfheal.codegraph.facts import Call, Chain
from selfheal.codegraph.flow import Thing, Values
from selfheal.codegraph.names import Defined, Namespaces
from selfheal.codegraph.resolve import Place, Resolver

IMPLIED: Final = 0.9
"""Confidence of a call that a protocol makes."""
BUILTIN: Final = "<builtin>"
"""The module that builtin names are in, as graphs write it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that a call runs: a definition, or else a name.

    A name is of a class without a constructor (`is_class`), or one that is not defined in the
    project. `through` is the definition that a wrapper stands for.
    """

    callee: Defined | None
    name: str
    confidence: float
    is_class: bool = False
    is_outside: bool = False
    through: Thing | None = None


class Calls:
    """Reads what calls mean off the settled variables of a project."""

    def __init__(self, names: Namespaces, resolver: Resolver) -> None:
        self._names = names
        self._resolver = resolver

    def callee(self, thing: Thing) -> tuple[Defined | None, Thing | None]:
        """The definition that runs when `thing` is called, and what it gets as its receiver."""
        hierarchy = self._resolver.hierarchy
        match thing.kind:
            case "bound":
                return self._names.definitions.get(thing.name), Thing("instance", thing.about)
            case "function":
                return self._names.definitions.get(thing.name), None
            case "class":
                made = Thing("instance", thing.name)
                return hierarchy.method(thing.name, "__init__"), made
            case "instance":
                return hierarchy.method(thing.name, "__call__"), thing
            case _:
                return None, None

    def called(self, target: Chain, place: Place) -> Values:
        """What a call of `target` calls; for an instance the `__call__` of subclasses, where its
        own is there to be overridden."""
        values = self._resolver.evaluate(target, place)
        if "__call__" not in self._resolver.left_open:
            return values
        found: dict[Thing, float] = {}
        for thing, confidence in values.items():
            methods = (
                self._resolver.attribute(thing, "__call__") if thing.kind == "instance" else {}
            )
            for one in [one for one in methods if one.kind == "bound"] or (thing,):
                found[one] = min(confidence, methods.get(one, 1.0))
        return found

    def is_promise(self, callee: Defined) -> bool:
        """Whether it says what others can do and is not run: an empty method of a protocol.

        The graph keeps calls of it: who changes it has to look at them.
        """
        return callee.fact.left == "empty" and self._resolver.hierarchy.is_protocol(callee.parent)

    def hits(self, call: Call, place: Place) -> Iterator[Hit]:
        """Everything that `call`, written at `place`, may run."""
        if call.kind == "read":
            yield from self._properties(call.target, place)
            return
        limit = IMPLIED if call.kind == "protocol" else 1.0
        for thing, confidence in self.called(call.target, place).items():
            yield from self._runs(thing, call, min(confidence, limit))
            if thing.kind in ("builtin", "namespace", "method"):
                yield from self._by_outside(_outside_name(thing), call, place)

    def _properties(self, target: Chain, place: Place) -> Iterator[Hit]:
        for name, confidence in self._resolver.properties(target, place).items():
            defined = self._names.definitions[name]
            yield Hit(defined, name, min(confidence, IMPLIED))

    def _runs(self, thing: Thing, call: Call, confidence: float) -> Iterator[Hit]:
        callee, _ = self.callee(thing)
        if callee is not None:
            through = Thing("function", thing.about) if _is_wrapped(thing) else None
            yield Hit(callee, callee.fq_name, confidence, through=through)
        elif thing.kind == "class":
            base = self._resolver.hierarchy.foreign_base(thing.name)
            yield Hit(None, thing.name, confidence, is_class=True)
            if base is not None:
                yield Hit(None, f"{base.name}.__init__", confidence, is_outside=True)
        elif thing.kind == "missing":
            yield Hit(None, thing.name, confidence)
        elif _is_said(thing, call):
            name = _outside_name(thing)
            is_builtin = thing.kind != "namespace"
            full = f"{BUILTIN}.{name}" if is_builtin else name
            yield Hit(None, full, confidence, is_outside=True)
        if thing.kind == "class":
            allocator = self._resolver.hierarchy.method(thing.name, "__new__")
            if allocator is not None:
                yield Hit(allocator, allocator.fq_name, confidence)

    def _by_outside(self, name: str, call: Call, place: Place) -> Iterator[Hit]:
        """What a function from outside calls in turn: arguments, special methods of the first."""
        for argument in call.arguments:
            if argument.key in builtin.CALLS.get(name, ()):
                given = Call(call.scope, argument.value, call.line, (), "protocol")
                yield from (hit for hit in self.hits(given, place) if hit.callee is not None)
            for asked in builtin.ASKS.get(name, ()) if argument.key == "0" else ():
                special = Call(call.scope, _asked(argument.value, asked), call.line, (), "protocol")
                yield from (hit for hit in self.hits(special, place) if hit.callee is not None)


def _is_wrapped(thing: Thing) -> bool:
    return thing.kind == "function" and bool(thing.about)


def _is_said(thing: Thing, call: Call) -> bool:
    """Whether a call of something from outside is written, and by a name that says where it is."""
    if thing.kind == "namespace":
        is_asked = call.kind == "protocol" and call.target[-1].startswith(".__")
        return not thing.name.startswith(".") and not is_asked
    return call.kind == "written" and thing.kind in ("builtin", "method", "super")


def _outside_name(thing: Thing) -> str:
    """A name from outside: `os.path.join`, `len`, `dict.items`."""
    if thing.kind == "super" and not thing.name:
        return "super"
    return f"{type_of(thing.name)}.{thing.about}" if thing.kind == "method" else thing.name


def _asked(chain: Chain, methods: str) -> Chain:
    """The chain of a special method, or of one of what that one gives: `__iter__.__next__`."""
    first, *rest = methods.split(".")
    return (*chain, f".{first}", *(step for name in rest for step in ("()", f".{name}")))
