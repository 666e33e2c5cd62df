"""From chains to things of the project, each with a confidence: names, attributes, results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from selfheal.codegraph import builtin
from selfheal.codegraph.containers import Containers
from selfheal.codegraph.facts import RETURN, YIELD, Chain
from selfheal.codegraph.flow import Flow, Slot, Thing, Values
from selfheal.codegraph.hierarchy import Hierarchy, decorator_names, is_property, receiver_name
from selfheal.codegraph.names import Defined, Namespaces, full_name, scopes_of

OVERRIDDEN: Final = 0.5
"""Confidence that a method missing in a class is the one its subclasses define."""
OUTSIDE: Final = 0.7
"""Confidence that a method missing in a class comes from its base outside of the project."""

_CALLABLE: Final = frozenset({"function", "bound"})
_ITERABLE: Final = frozenset({"container", "generator", "numbered", "foreign"})


class Place(NamedTuple):
    """Where an expression is written."""

    path: str
    module: str
    scope: str


class Resolver:
    """Evaluates chains against the variables of a Flow."""

    def __init__(self, names: Namespaces, flow: Flow) -> None:
        self._names = names
        self._flow = flow
        self._modules: dict[tuple[str, str], Values] = {}
        self._variables: dict[Place, dict[str, Slot | None]] = defaultdict(dict)
        self._containers = Containers(flow)
        self.hierarchy = Hierarchy(names, flow)
        # Attributes are asked for by the hundred thousand: most names need no second look.
        self.left_open = frozenset(names.left_open())
        self._getters = frozenset(
            defined.parent
            for defined in names.definitions.values()
            if defined.fact.kind == "method" and defined.fact.qualname.endswith(".__get__")
        )

    def evaluate(self, chain: Chain, place: Place) -> Values:
        """What `chain` may stand for at `place`; empty for what lies outside of the project."""
        if not chain:
            return {}
        values = self._base(chain[0], place)
        for step in chain[1:]:
            if not values:
                return {}
            values = self.step(values, step, place)
        return values

    def properties(self, chain: Chain, place: Place) -> dict[str, float]:
        """The properties that reading the attribute `chain` runs, by fq name with confidence."""
        found: dict[str, float] = {}
        for thing, confidence in self.evaluate(chain[:-1], place).items():
            for name in self._read_by(thing, chain[-1][1:]):
                found[name] = max(confidence, found.get(name, 0.0))
        return found

    def _read_by(self, thing: Thing, name: str) -> Iterator[str]:
        """What reading attribute `name` of `thing` runs: properties and descriptors."""
        if thing.kind not in ("instance", "class"):
            return
        defined = self.hierarchy.method(thing.name, name)
        if thing.kind == "instance" and defined is not None and is_property(defined):
            below = self._below(thing, name) if self._names.is_abstract(defined) else []
            yield from below or (defined.fq_name,)
        for holder in self.hierarchy.ancestry(thing.name) if self._getters else ():
            if self._names.binds(holder, name):
                yield from filter(None, map(self.getter, self._flow.read(Slot(holder, name))))
                return

    def getter(self, thing: Thing) -> str:
        """The `__get__` that is called where `thing` is read off a class; empty for none."""
        if thing.kind != "instance" or not self._getters:
            return ""
        owners = self.hierarchy.ancestry(thing.name)
        return next((f"{owner}.__get__" for owner in owners if owner in self._getters), "")

    def _base(self, base: str, place: Place) -> Values:
        if ":" not in base:
            return self._name(base, place)
        kind, _, rest = base.partition(":")
        match kind if rest else "":
            case "import":
                return self._module(rest, place.path)
            case "def":
                return {self.defined(full_name(place.module, rest)): 1.0}
            case "at":
                return {Thing("container", f"{place.module}:{rest}"): 1.0}
            case "value":
                return {Thing("value", rest): 1.0}
            case _:
                return self._name(base, place)

    def defined(self, fq_name: str) -> Thing:
        """The thing that a definition makes."""
        kind = self._names.definitions[fq_name].fact.kind
        return Thing("class" if kind == "class" else "function", fq_name)

    def _module(self, module: str, importer: str) -> Values:
        """A module of the project, else a name from outside of it."""
        asked = (module, importer)
        if asked not in self._modules:
            path = self._names.modules.find(module, importer=importer)
            if path is not None:
                found = Thing("module", path)
            else:
                found = Thing("namespace", module, importer)
            self._modules[asked] = {found: 1.0}
        return self._modules[asked]

    def _name(self, name: str, place: Place) -> Values:
        variables = self._variables[place]
        if name not in variables:
            variables[name] = self._variable(name, place)
        slot = variables[name]
        if slot is not None:
            return self._flow.read(slot)
        if name == "super":
            return {Thing("super", ""): 1.0}
        return {Thing("builtin", name): 1.0} if name in builtin.NAMES else {}

    def _variable(self, name: str, place: Place) -> Slot | None:
        """The variable that a name means; None for one that nothing in the project binds."""
        scope = self._names.scope_of_name(place.module, place.scope, name)
        if scope is None:
            scope = self._names.starred(place.path).get(name) if name != "super" else None
        return Slot(scope, name) if scope is not None else None

    def step(self, values: Values, step: str, place: Place) -> Values:
        if len(values) == 1:
            ((thing, confidence),) = values.items()
            if confidence == 1.0:
                return self._stepped(thing, step, place)
        result: dict[Thing, float] = {}
        for thing, confidence in values.items():
            for other, own in self._stepped(thing, step, place).items():
                limited = min(own, confidence)
                if result.get(other, 0.0) < limited:
                    result[other] = limited
        return result

    def _stepped(self, thing: Thing, step: str, place: Place) -> Values:
        if step[0] == ".":
            return self.attribute(thing, step[1:])
        if step == "()":
            return self._result(thing, place)
        if step == "with":
            return self._entered(thing, place)
        if step.startswith("via:"):
            return self._through(thing, step.removeprefix("via:"), place)
        return self._item(thing, step, place)

    def attribute(self, thing: Thing, name: str) -> Values:
        """What `name` of `thing` may be."""
        match thing.kind:
            case "module":
                return self._member_of_module(thing.name, name)
            case "namespace":
                dot = "" if thing.name.endswith(".") else "."
                return self._module(f"{thing.name}{dot}{name}", thing.about)
            case "class" | "instance":
                if name == "__class__" and thing.kind == "instance":
                    return {Thing("class", thing.name): 1.0}
                found = self._member(thing, name, self.hierarchy.ancestry(thing.name))
                if found is None:
                    return self._unknown(thing, name)
                if name in self.left_open and self._is_left_open(thing, name, found):
                    return self._overrides(thing, name) or found
                return found
            case "super" if not thing.name:
                return {}  # the built-in itself: nobody has called it
            case "super":
                receiver = Thing("instance", thing.about)
                found = self._member(receiver, name, self.hierarchy.after(thing.name, thing.about))
                return found if found is not None else self._foreign_member(thing.name, name)
            case "foreign" | "value" | "builtin":
                kind = "namespace" if thing.kind == "foreign" else "builtin"
                return {Thing(kind, f"{thing.name}.{name}", thing.about): 1.0}
            case "container":
                return {Thing("method", thing.name, name): 1.0}
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
            is_bound = self._names.binds(ancestor, name)
            if held or is_bound:
                taken = self._taken(held, thing)
                return self._got(taken) if is_bound and self._getters else taken
        return None

    def _unknown(self, thing: Thing, name: str) -> Values:
        """A member that no class of the project has: of a base from outside, or of subclasses.

        What subclasses define where their base only calls is the template method pattern.
        """
        is_open = thing.kind == "instance" and not name.startswith("__")
        overrides = self._overrides(thing, name) if is_open else {}
        return overrides or self._foreign_member(thing.name, name)

    def _got(self, members: Values) -> Values:
        """Members of a class as reading them gives them: of a descriptor what its `__get__` does,
        where that is known."""
        getters = {thing: getter for thing in members if (getter := self.getter(thing))}
        if not getters:
            return members
        got: dict[Thing, float] = {}
        for thing, confidence in members.items():
            getter = getters.get(thing, "")
            given = self._flow.read(Slot(getter, RETURN)) if getter else {}
            for other in given or (thing,):
                got[other] = max(confidence, got.get(other, 0.0))
        return got

    def _overrides(self, thing: Thing, name: str) -> Values:
        found: dict[Thing, float] = {}
        for child in self.hierarchy.overriding(thing.name, name):
            held = {self.defined(f"{child}.{name}"): OVERRIDDEN}
            found |= self._taken(held, Thing(thing.kind, child))
        return found

    def _below(self, thing: Thing, name: str) -> list[str]:
        return [f"{child}.{name}" for child in self.hierarchy.overriding(thing.name, name)]

    def _is_left_open(self, thing: Thing, name: str, found: Values) -> bool:
        """Whether a member is there for the classes below to define, and not to be run."""
        if not found:
            defined = self.hierarchy.method(thing.name, name)
            return defined is not None and is_property(defined) and self._is_open(defined, thing)
        definitions = (
            self._names.definitions.get(one.name) for one in found if one.kind in _CALLABLE
        )
        return any(one is not None and self._is_open(one, thing) for one in definitions)

    def _is_open(self, defined: Defined, thing: Thing) -> bool:
        """Whether those below define the method: it says so, or is empty in a class nobody makes.

        A class is named to run its own method too, so what it names must have nothing to run.
        """
        if defined.fact.kind != "method":
            return False
        if self._names.is_abstract(defined):
            return thing.kind == "instance" or bool(defined.fact.left)
        if defined.fact.left != "empty" or thing.kind != "instance":
            return False
        is_made = self._names.is_called(thing.name.rpartition(".")[2])
        return not is_made and self.hierarchy.is_left_to_children(thing.name, defined.name)

    def _foreign_member(self, owner: str, name: str) -> Values:
        base = self.hierarchy.foreign_base(owner)
        return {Thing("namespace", f"{base.name}.{name}", base.about): OUTSIDE} if base else {}

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
            case "function" if thing.about:  # wrapped: what it gives, its wrapper gives
                return self._result(Thing("function", thing.about), place)
            case "function" | "bound":
                if self._names.binds(thing.name, YIELD):
                    return {Thing("generator", thing.name): 1.0}
                return self._flow.read(Slot(thing.name, RETURN))
            case "instance":
                return self._asked(thing, "__call__", place)
            case "super":
                return self._superior(place)
            case "namespace":
                return _made_outside(thing)
            case "builtin" if thing.name in builtin.TYPES:
                return {Thing("value", thing.name): 1.0}
            case "method":
                return self._containers.given(thing.name, thing.about)
            case _:
                return {}

    def _superior(self, place: Place) -> Values:
        """What `super()` is in a method: for each class that the receiver may be of, what follows
        the class of the method there."""
        owner = self._names.enclosing_class(place.module, place.scope)
        if not owner:
            return {}
        found = {Thing("super", owner, owner): 1.0}
        for scope in scopes_of(place.module, place.scope):
            method = self._names.definitions.get(scope)
            receiver = receiver_name(method) if method and method.parent == owner else ""
            for thing, confidence in self._flow.read(Slot(scope, receiver)).items():
                if thing.kind in ("instance", "class"):
                    found.setdefault(Thing("super", owner, thing.name), confidence)
        return found

    def _through(self, thing: Thing, name: str, place: Place) -> Values:
        """What the function `name` makes of `thing`, if it is the one that Python brings."""
        first, *rest = name.split(".")
        function = self.evaluate((first, *(f".{part}" for part in rest)), place)
        if not any(
            one.kind == "builtin" or (one.kind == "namespace" and one.name in builtin.LIBRARY)
            for one in function
        ):
            return {}
        match builtin.THROUGH[name.rpartition(".")[2]]:
            case "contents":
                return {thing: 1.0} if thing.kind in _ITERABLE else {}
            case "element" if thing.kind == "instance":
                return self._asked(thing, "__next__", place) or self._item(thing, "[]", place)
            case "element":
                return self._item(thing, "[]", place)
            case "numbered":
                return {Thing("numbered", thing.name): 1.0} if thing.kind == "container" else {}
            case "class":
                return {Thing("class", thing.name): 1.0} if thing.kind == "instance" else {}
            case _:
                return {thing: 1.0}

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
        return self.step(found, "()", place)

    def _entered(self, thing: Thing, place: Place) -> Values:
        if thing.kind == "generator":
            return self._item(thing, "[]", place)
        if thing.kind != "instance":
            return {}
        asked = self._asked(thing, "__enter__", place) or self._asked(thing, "__aenter__", place)
        return asked or {thing: 1.0}

    def _item(self, thing: Thing, step: str, place: Place) -> Values:
        match thing.kind:
            case "container" | "numbered":
                return self._containers.item(thing, step)
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


def _made_outside(thing: Thing) -> Values:
    """What calling a name from outside of the project gives: an instance, if it is a class.

    Classes are told by their capital (PEP 8); what other calls give is not known.
    """
    module, _, name = thing.name.rpartition(".")
    is_class = name[:1].isupper() and not name.isupper() and module not in builtin.NO_INSTANCES
    return {Thing("foreign", thing.name, thing.about): 1.0} if is_class else {}
