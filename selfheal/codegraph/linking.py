"""Facts of many files to one call graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from selfheal.codegraph.annotations import Annotations
from selfheal.codegraph.calling import IMPLIED, Calls, Hit
from selfheal.codegraph.decorating import Decorations
from selfheal.codegraph.facts import (
    MERGED,
    RETURN,
    Argument,
    Binding,
    Call,
    Chain,
    FileFacts,
    Import,
)
from selfheal.codegraph.fixtures import fixture_links
from selfheal.codegraph.flow import Flow, Slot, Thing, Values
from selfheal.codegraph.graph import CallGraph, Edge, EdgeKind, Node, Problem
from selfheal.codegraph.hierarchy import (
    base_slot,
    decorator_names,
    is_property,
    receiver_name,
)
from selfheal.codegraph.names import Defined, Namespaces, full_name
from selfheal.codegraph.parameters import Parameters, rest_container
from selfheal.codegraph.parse import facts_in
from selfheal.codegraph.resolve import Place, Resolver
from selfheal.codegraph.source import Modules, SourceTree, is_python

OWN_CLASS: Final = 0.95
"""Confidence that `self` is of the class that defines the method: a subclass may override."""
PASSED: Final = 0.6
"""Confidence of what comes in through a parameter: callers are not told apart."""


def graph_of(tree: SourceTree, paths: Iterable[str]) -> CallGraph:
    """The call graph of the Python files among `paths`; imports resolve in the whole tree."""
    found = [facts_in(tree, path) for path in sorted(set(filter(is_python, paths)))]
    return link([facts for facts in found if facts is not None], Modules(tree.paths()))


def link(facts: Iterable[FileFacts], modules: Modules) -> CallGraph:
    """The call graph of parsed files."""
    files = sorted(facts, key=lambda file: file.path)
    linker = Linker(Namespaces(files, modules))
    problems = [Problem(file.path, file.problem) for file in files if file.problem]
    return CallGraph(linker.nodes(), linker.edges(), problems)


def resolver_of(names: Namespaces) -> Resolver:
    """What evaluates the expressions of parsed files, once their variables are settled."""
    return Linker(names).resolver


class Linker:
    """Parsed files with their variables settled."""

    def __init__(self, names: Namespaces) -> None:
        self.names = names
        self._flow = Flow()
        self.resolver = Resolver(names, self._flow)
        self.calls = Calls(names, self.resolver)
        self._decorations = Decorations(names, self._flow, self.resolver)
        self._annotations = Annotations(self.resolver)
        self._fixtures = fixture_links(names)
        self._property_names = frozenset(
            defined.fact.qualname.rpartition(".")[2]
            for defined in names.definitions.values()
            if is_property(defined)
        )
        self._solve()

    def _solve(self) -> None:
        for defined in self.names.definitions.values():
            self._define(defined)
        self._annotate()
        self._flow.run([*self._alias_jobs(), *self._base_jobs()])
        self.resolver.hierarchy.settle()
        decorations = list(self._decoration_jobs())
        self._flow.run([*decorations, *self._binding_jobs(), *self._call_jobs()])
        self._decorations.begin_last_round()
        for job in range(len(decorations)):
            self._flow.resume([job])
        self._property_names |= frozenset(self._descriptor_names())

    def _descriptor_names(self) -> Iterator[str]:
        """The names of attributes that hold descriptors of the project."""
        for defined in self.names.definitions.values():
            if defined.fact.decorators and self._is_descriptor(defined.parent, defined.name):
                yield defined.name
        for file, binding in self._bindings():
            owner = full_name(self.names.modules.name_of(file.path), binding.scope)
            if binding.value[-1] == "()" and self._is_descriptor(owner, binding.target[0]):
                yield binding.target[0]

    def _is_descriptor(self, owner: str, name: str) -> bool:
        held = self._flow.read(Slot(owner, name)) if self.names.is_class(owner) else {}
        return any(map(self.resolver.getter, held))

    def nodes(self) -> Iterator[Node]:
        for file in self.names.files.values():
            module = self.names.modules.name_of(file.path)
            yield Node(module, "module", file.path, 1, file.lines)
        for defined in self.names.definitions.values():
            kind = defined.fact.kind
            if kind != "lambda" and not _in_lambda(defined.fact.qualname):
                span = defined.fact.span
                yield Node(defined.fq_name, kind, defined.path, span.line, span.end_line)

    def edges(self) -> Iterator[Edge]:
        for file in self.names.files.values():
            for fact in file.imports:
                yield from self._import_edges(file, fact)
            for call in file.calls:
                yield from self._call_edges(file, call)
        for defined in self.names.definitions.values():
            for base in self._bases(defined):
                yield self._edge(defined.fq_name, base, "inherits", defined, 1.0)
        for link in self._fixtures:
            user = self.names.definitions[link.user]
            yield self._edge(link.user, link.fixture, "calls", user, IMPLIED)

    def _bases(self, defined: Defined) -> Iterator[str]:
        """The bases by fq name; one from outside of the project as it is written."""
        for index, chain in enumerate(defined.fact.bases):
            classes = self._flow.read(base_slot(defined.fq_name, index))
            inside = [thing.name for thing in classes if thing.kind == "class"]
            yield from inside
            if not inside:
                yield "".join(chain)

    def _edge(
        self, source: str, target: str, kind: EdgeKind, at: Defined, confidence: float
    ) -> Edge:
        return Edge(source, target, kind, at.path, at.fact.span.line, confidence)

    def _define(self, defined: Defined) -> None:
        if not defined.fact.decorators and not self.names.is_replaced(defined):
            name = defined.fact.qualname.rpartition(".")[2]
            thing = self.resolver.defined(defined.fq_name)
            self._flow.add(Slot(defined.parent, name), {thing: 1.0}, at_most=1.0)
        first = receiver_name(defined)
        if first:
            marks = decorator_names(defined)
            kind = "class" if "classmethod" in marks else "instance"
            own = {Thing(kind, defined.parent): 1.0}
            self._flow.add(Slot(defined.fq_name, first), own, at_most=OWN_CLASS)
        for name in defined.fact.parameters:
            rest = name.lstrip("*")
            if rest != name and rest:
                kind = "dict" if name.startswith("**") else "tuple"
                held = Thing("container", rest_container(defined.fq_name, rest, kind))
                self._flow.add(Slot(defined.fq_name, rest), {held: 1.0}, at_most=1.0)

    def _annotate(self) -> None:
        for file, binding in self._bindings():
            if binding.is_type and binding.target[0] != RETURN:
                place = self._place(file, binding.value_scope)
                slot = Slot(full_name(place.module, binding.scope), binding.target[0])
                self._annotations.say(slot, binding.value, place)

    def _place(self, file: FileFacts, scope: str) -> Place:
        return Place(file.path, self.names.modules.name_of(file.path), scope)

    def _alias_jobs(self) -> Iterator[Callable[[], None]]:
        """Bindings that need no result of a call: they show what the bases of classes are."""
        for file, binding in self._bindings():
            if "()" not in binding.value and len(binding.target) == 1:
                yield self._binding_job(file, binding)

    def _decoration_jobs(self) -> Iterator[Callable[[], None]]:
        for defined in self.names.definitions.values():
            if defined.fact.decorators:
                yield partial(self._decorations.apply, defined)

    def _binding_jobs(self) -> Iterator[Callable[[], None]]:
        for file, binding in self._bindings():
            yield self._binding_job(file, binding)

    def _binding_job(self, file: FileFacts, binding: Binding) -> Callable[[], None]:
        place = self._place(file, binding.value_scope)
        if len(binding.target) > 1:
            return partial(self._set, binding, place, self._place(file, binding.scope))
        slot = Slot(full_name(place.module, binding.scope), binding.target[0])
        return partial(self._bind, binding, place, slot)

    def _bindings(self) -> Iterator[tuple[FileFacts, Binding]]:
        for file in self.names.files.values():
            for binding in file.bindings:
                if binding.value:
                    yield file, binding

    def _base_jobs(self) -> Iterator[Callable[[], None]]:
        for defined in self.names.definitions.values():
            for index in range(len(defined.fact.bases)):
                yield partial(self._inherit, defined, index)

    def _call_jobs(self) -> Iterator[Callable[[], None]]:
        for file in self.names.files.values():
            for call in file.calls:
                if call.kind == "written":
                    yield partial(self._call, call, self._place(file, call.scope))
        for link in self._fixtures:
            yield partial(self._inject, link.user, link.parameter, link.fixture)

    def _bind(self, binding: Binding, place: Place, slot: Slot) -> None:
        values = self.resolver.evaluate(binding.value, place)
        if values:
            is_stated = _is_element(binding.value)
            self._flow.add(slot, values, at_most=binding.confidence, is_stated=is_stated)

    def _set(self, binding: Binding, place: Place, target_place: Place) -> None:
        """Binds an attribute or an element."""
        values = self.resolver.evaluate(binding.value, place)
        if values:
            owners = self.resolver.evaluate(binding.target[:-1], target_place)
            is_stated = _is_stated(binding.target)
            for slot in [s for owner in owners for s in self._slots(owner, binding.target[-1])]:
                self._flow.add(slot, values, at_most=binding.confidence, is_stated=is_stated)

    def _slots(self, owner: Thing, step: str) -> list[Slot]:
        if step == MERGED:
            return [Slot(owner.name, step)] if owner.kind == "container" else []
        if step.startswith("["):
            is_container = owner.kind == "container"
            return [Slot(owner.name, step), Slot(owner.name, "[*]")] if is_container else []
        if owner.kind == "module":
            return [Slot(self.names.modules.name_of(owner.name), step[1:])]
        if owner.kind == "instance" and self.resolver.hierarchy.method(owner.name, step[1:]):
            return []  # one patched instance says nothing about the class
        return [Slot(owner.name, step[1:])] if owner.kind in ("class", "instance") else []

    def _inherit(self, defined: Defined, index: int) -> None:
        outer = defined.fact.qualname.rpartition(".")[0]
        place = Place(defined.path, defined.module, outer)
        bases = self.resolver.evaluate(defined.fact.bases[index], place)
        classes = {t: conf for t, conf in bases.items() if t.kind in ("class", "namespace")}
        self._flow.add(base_slot(defined.fq_name, index), classes, at_most=1.0)
        for thing in classes:
            if thing.kind == "class":
                self.resolver.hierarchy.inherit(defined.fq_name, thing.name)

    def _call(self, call: Call, place: Place) -> None:
        # A copy: a function that is given to itself changes the variable that is read here.
        for thing in tuple(self.calls.called(call.target, place)):
            callee, receiver = self.calls.callee(thing)
            if callee is not None:
                self._receive(callee, receiver)
                self._pass(callee, call.arguments, place, bound=receiver is not None)

    def _receive(self, callee: Defined, receiver: Thing | None) -> None:
        first = receiver_name(callee)
        if receiver is None or not first or receiver.name == callee.parent:
            return
        kind = "class" if "classmethod" in decorator_names(callee) else "instance"
        slot = Slot(callee.fq_name, first)
        self._flow.add(slot, {Thing(kind, receiver.name): 1.0}, at_most=PASSED)

    def _pass(
        self,
        callee: Defined,
        arguments: tuple[Argument, ...],
        place: Place,
        *,
        bound: bool,
    ) -> None:
        parameters = Parameters.of(callee, bound=bound)
        for argument in arguments:
            values = self.resolver.evaluate(argument.value, place)
            if values:
                for slot, step in parameters.taking(argument.key):
                    given = self.resolver.step(values, step, place) if step else values
                    given = self._annotations.fitting(slot, given)
                    self._flow.add(slot, given, at_most=PASSED)

    def _inject(self, user: str, parameter: str, fixture: str) -> None:
        made = self.resolver.made_by(fixture)
        self._flow.add(Slot(user, parameter), made, at_most=IMPLIED)

    def _call_edges(self, file: FileFacts, call: Call) -> Iterator[Edge]:
        place = self._place(file, call.scope)
        caller = full_name(place.module, _named(call.scope))
        for hit in self.hits(call, place):
            if not hit.is_outside and (hit.callee is None or hit.callee.fact.kind != "lambda"):
                yield Edge(caller, hit.name, "calls", file.path, call.line, hit.confidence)
            if hit.through is not None:
                wrapped = self._wrapped(hit.through)
                yield Edge(caller, wrapped, "calls", file.path, call.line, IMPLIED, hit.name)

    def hits(self, call: Call, place: Place) -> Iterator[Hit]:
        """Everything that a call may run."""
        if call.kind != "read" or call.target[-1][1:] in self._property_names:
            yield from self.calls.hits(call, place)

    def _wrapped(self, thing: Thing) -> str:
        callee, _ = self.calls.callee(self.resolver.defined(thing.name))
        return callee.fq_name if callee is not None else thing.name

    def _import_edges(self, file: FileFacts, fact: Import) -> Iterator[Edge]:
        modules = self.names.modules
        source, path = modules.name_of(file.path), modules.find(fact.module, importer=file.path)
        targets = [modules.name_of(path)] if path is not None else []
        if fact.name and fact.name != "*":
            chain = (f"import:{fact.module}", f".{fact.name}")
            values = self.resolver.evaluate(chain, self._place(file, fact.scope))
            targets.extend(self._imported(values))
            if path is not None and not values:
                targets.append(f"{modules.name_of(path)}.{fact.name}")
        for target in targets:
            yield Edge(source, target, "imports", file.path, fact.line, 1.0)

    def _imported(self, values: Values) -> Iterator[str]:
        for thing in values:
            if thing.kind == "module":
                yield self.names.modules.name_of(thing.name)
            elif thing.kind in ("class", "function", "missing"):
                yield thing.name


def _is_stated(target: Chain) -> bool:
    """Whether a literal says itself that this is in it, and where."""
    return target[0].startswith("at:") and target[1:] not in (("[]",), (MERGED,))


def _is_element(value: Chain) -> bool:
    """Whether it is taken out of something, which may be a literal."""
    return value[-1].startswith("[")


def _in_lambda(qualname: str) -> bool:
    return "<" in qualname


def _named(scope: str) -> str:
    """The innermost scope that is a node: what a lambda calls counts for the function around it."""
    return scope[: scope.index("<")].rstrip(".") if "<" in scope else scope
