"""Facts of many files to one call graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from selfheal.codegraph.facts import Argument, Binding, Call, Chain, FileFacts, Import
from selfheal.codegraph.fixtures import fixture_links
from selfheal.codegraph.flow import Flow, Slot, Thing, Values
from selfheal.codegraph.graph import CallGraph, Edge, EdgeKind, Node, Problem
from selfheal.codegraph.names import Defined, Namespaces, full_name
from selfheal.codegraph.parse import facts_in
from selfheal.codegraph.reader import DECORATED
from selfheal.codegraph.resolve import Place, Resolver, base_slot, decorator_names, is_property
from selfheal.codegraph.source import Modules, SourceTree, is_python

OWN_CLASS: Final = 0.95
"""Confidence that `self` is of the class that defines the method: a subclass may override."""
PASSED: Final = 0.6
"""Confidence of what comes in through a parameter: callers are not told apart."""
IMPLIED: Final = 0.9
"""Confidence of a call that a protocol makes."""


def graph_of(tree: SourceTree, paths: Iterable[str]) -> CallGraph:
    """The call graph of the Python files among `paths`; imports resolve in the whole tree."""
    found = [facts_in(tree, path) for path in sorted(set(filter(is_python, paths)))]
    return link([facts for facts in found if facts is not None], Modules(tree.paths()))


def link(facts: Iterable[FileFacts], modules: Modules) -> CallGraph:
    """The call graph of parsed files."""
    files = sorted(facts, key=lambda file: file.path)
    linker = _Linker(Namespaces(files, modules))
    linker.solve()
    problems = [Problem(file.path, file.problem) for file in files if file.problem]
    return CallGraph(linker.nodes(), linker.edges(), problems)


def resolver_of(names: Namespaces) -> Resolver:
    """What evaluates the expressions of parsed files, once their variables are settled."""
    linker = _Linker(names)
    linker.solve()
    return linker.resolver


class _Linker:
    def __init__(self, names: Namespaces) -> None:
        self._names = names
        self._flow = Flow()
        self.resolver = Resolver(names, self._flow)
        self._fixtures = fixture_links(names)
        self._property_names = frozenset(
            defined.fact.qualname.rpartition(".")[2]
            for defined in names.definitions.values()
            if is_property(defined)
        )
        self._decorators = Counter(
            _last_name(chain)
            for defined in names.definitions.values()
            for chain in defined.fact.decorators
        )

    def solve(self) -> None:
        for defined in self._names.definitions.values():
            self._define(defined)
        self._flow.run([*self._alias_jobs(), *self._base_jobs()])
        self.resolver.settle_bases()
        self._flow.run([*self._binding_jobs(), *self._call_jobs()])

    def nodes(self) -> Iterator[Node]:
        for file in self._names.files.values():
            module = self._names.modules.name_of(file.path)
            yield Node(module, "module", file.path, 1, file.lines)
        for defined in self._names.definitions.values():
            kind = defined.fact.kind
            if kind != "lambda" and not _in_lambda(defined.fact.qualname):
                span = defined.fact.span
                yield Node(defined.fq_name, kind, defined.path, span.line, span.end_line)

    def edges(self) -> Iterator[Edge]:
        for file in self._names.files.values():
            for fact in file.imports:
                yield from self._import_edges(file, fact)
            for call in file.calls:
                yield from self._call_edges(file, call)
        for defined in self._names.definitions.values():
            for base in self._bases(defined):
                yield self._edge(defined.fq_name, base, "inherits", defined, 1.0)
        for link in self._fixtures:
            user = self._names.definitions[link.user]
            yield self._edge(link.user, link.fixture, "calls", user, IMPLIED)

    def _bases(self, defined: Defined) -> Iterator[str]:
        """The bases by fq name; one from outside of the project as it is written."""
        for index, chain in enumerate(defined.fact.bases):
            classes = self._flow.read(base_slot(defined.fq_name, index))
            yield from (thing.name for thing in classes)
            if not classes:
                yield "".join(chain)

    def _edge(
        self, source: str, target: str, kind: EdgeKind, at: Defined, confidence: float
    ) -> Edge:
        return Edge(source, target, kind, at.path, at.fact.span.line, confidence)

    def _define(self, defined: Defined) -> None:
        name = defined.fact.qualname.rpartition(".")[2]
        thing = self.resolver.defined(defined.fq_name)
        self._flow.add(Slot(defined.parent, name), {thing: 1.0}, at_most=1.0)
        first = _receiver(defined)
        if first:
            marks = decorator_names(defined)
            kind = "class" if "classmethod" in marks else "instance"
            own = {Thing(kind, defined.parent): 1.0}
            self._flow.add(Slot(defined.fq_name, first), own, at_most=OWN_CLASS)

    def _place(self, file: FileFacts, scope: str) -> Place:
        return Place(file.path, self._names.modules.name_of(file.path), scope)

    def _alias_jobs(self) -> Iterator[Callable[[], None]]:
        """Bindings that need no result of a call: they show what the bases of classes are."""
        for file, binding in self._bindings():
            if "()" not in binding.value and len(binding.target) == 1:
                yield partial(self._bind, file, binding)

    def _binding_jobs(self) -> Iterator[Callable[[], None]]:
        for file, binding in self._bindings():
            yield partial(self._bind, file, binding)

    def _bindings(self) -> Iterator[tuple[FileFacts, Binding]]:
        for file in self._names.files.values():
            for binding in file.bindings:
                is_result = binding.confidence == DECORATED
                if binding.value and not (is_result and self._is_shared(binding.value[:-1])):
                    yield file, binding

    def _is_shared(self, decorator: Chain) -> bool:
        """Whether several definitions have this decorator.

        What it makes of one would then be taken for what it makes of another: calls of one
        wrapper are not told apart.
        """
        return self._decorators[_last_name(decorator)] > 1

    def _base_jobs(self) -> Iterator[Callable[[], None]]:
        for defined in self._names.definitions.values():
            for index in range(len(defined.fact.bases)):
                yield partial(self._inherit, defined, index)

    def _call_jobs(self) -> Iterator[Callable[[], None]]:
        for file in self._names.files.values():
            for call in file.calls:
                is_shared = call.kind == "decorator" and self._is_shared(call.target)
                if call.kind in ("written", "decorator") and not is_shared:
                    yield partial(self._call, file, call)
        for link in self._fixtures:
            yield partial(self._inject, link.user, link.parameter, link.fixture)

    def _bind(self, file: FileFacts, binding: Binding) -> None:
        values = self.resolver.evaluate(binding.value, self._place(file, binding.value_scope))
        if not values:
            return
        place = self._place(file, binding.scope)
        if len(binding.target) == 1:
            slots = [Slot(full_name(place.module, binding.scope), binding.target[0])]
        else:
            owners = self.resolver.evaluate(binding.target[:-1], place)
            slots = [s for o in owners for s in self._slots(o, binding.target[-1])]
        for slot in slots:
            self._flow.add(slot, values, at_most=binding.confidence)

    def _slots(self, owner: Thing, step: str) -> list[Slot]:
        if step.startswith("["):
            is_container = owner.kind == "container"
            return [Slot(owner.name, step), Slot(owner.name, "[*]")] if is_container else []
        if owner.kind == "module":
            return [Slot(self._names.modules.name_of(owner.name), step[1:])]
        if owner.kind == "instance" and self.resolver.method(owner.name, step[1:]):
            return []  # one patched instance says nothing about the class
        return [Slot(owner.name, step[1:])] if owner.kind in ("class", "instance") else []

    def _inherit(self, defined: Defined, index: int) -> None:
        outer = defined.fact.qualname.rpartition(".")[0]
        place = Place(defined.path, defined.module, outer)
        bases = self.resolver.evaluate(defined.fact.bases[index], place)
        classes = {thing: conf for thing, conf in bases.items() if thing.kind == "class"}
        self._flow.add(base_slot(defined.fq_name, index), classes, at_most=1.0)
        for thing in classes:
            self.resolver.inherit(defined.fq_name, thing.name)

    def _call(self, file: FileFacts, call: Call) -> None:
        place = self._place(file, call.scope)
        for thing in self.resolver.evaluate(call.target, place):
            callee, receiver = self._callee(thing)
            if callee is not None:
                self._receive(callee, receiver)
                self._pass(callee, call.arguments, place, bound=receiver is not None)

    def _callee(self, thing: Thing) -> tuple[Defined | None, Thing | None]:
        """The definition that runs when `thing` is called, and what it gets as its receiver."""
        if thing.kind == "bound":
            return self._names.definitions.get(thing.name), Thing("instance", thing.about)
        if thing.kind == "function":
            return self._names.definitions.get(thing.name), None
        if thing.kind == "class":
            return self.resolver.method(thing.name, "__init__"), Thing("instance", thing.name)
        if thing.kind == "instance":
            return self.resolver.method(thing.name, "__call__"), thing
        return None, None

    def _receive(self, callee: Defined, receiver: Thing | None) -> None:
        first = _receiver(callee)
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
        positional, named = _parameters(callee)
        if bound:
            positional = positional[1:]
        for argument in arguments:
            if not argument.key.isdigit():
                name = argument.key if argument.key in named else None
            else:
                name = next(iter(positional[int(argument.key) :]), None)
            if name is not None:
                values = self.resolver.evaluate(argument.value, place)
                self._flow.add(Slot(callee.fq_name, name), values, at_most=PASSED)

    def _inject(self, user: str, parameter: str, fixture: str) -> None:
        made = self.resolver.made_by(fixture)
        self._flow.add(Slot(user, parameter), made, at_most=IMPLIED)

    def _call_edges(self, file: FileFacts, call: Call) -> Iterator[Edge]:
        place = self._place(file, call.scope)
        caller = full_name(place.module, _named(call.scope))
        if call.kind == "read":
            if call.target[-1][1:] in self._property_names:
                for name, confidence in self.resolver.properties(call.target, place).items():
                    sure = min(confidence, IMPLIED)
                    yield Edge(caller, name, "calls", file.path, call.line, sure)
            return
        limit = IMPLIED if call.kind == "protocol" else 1.0
        for thing, confidence in self.resolver.evaluate(call.target, place).items():
            target = self._target(thing)
            if target:
                sure = min(confidence, limit)
                yield Edge(caller, target, "calls", file.path, call.line, sure)

    def _target(self, thing: Thing) -> str:
        """The fq name of the node that a call of `thing` runs; empty for none."""
        if thing.kind == "missing":
            return thing.name
        callee, _ = self._callee(thing)
        if callee is None:
            return thing.name if thing.kind == "class" else ""
        return "" if callee.fact.kind == "lambda" else callee.fq_name

    def _import_edges(self, file: FileFacts, fact: Import) -> Iterator[Edge]:
        modules = self._names.modules
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
                yield self._names.modules.name_of(thing.name)
            elif thing.kind in ("class", "function", "missing"):
                yield thing.name


def _receiver(defined: Defined) -> str:
    """The name of the parameter that gets the instance or class; empty when none does."""
    if defined.fact.kind != "method" or "staticmethod" in decorator_names(defined):
        return ""
    return next((name for name in defined.fact.parameters if not name.startswith("*")), "")


def _parameters(defined: Defined) -> tuple[list[str], frozenset[str]]:
    """The parameters that take positions, and all that take keywords."""
    names = defined.fact.parameters
    stars = [index for index, name in enumerate(names) if name.startswith("*")]
    positional = names[: stars[0]] if stars else names
    return list(positional), frozenset(name for name in names if not name.startswith("*"))


def _last_name(decorator: Chain) -> str:
    return next((step for step in reversed(decorator) if step != "()"), "").lstrip(".")


def _in_lambda(qualname: str) -> bool:
    return "<" in qualname


def _named(scope: str) -> str:
    """The innermost scope that is a node: what a lambda calls counts for the function around it."""
    return scope[: scope.index("<")].rstrip(".") if "<" in scope else scope
