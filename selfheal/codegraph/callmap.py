"""The call graph as one mapping: who calls what, by dotted names, names from outside included.

Where the `CallGraph` answers what a change may reach, this says what runs: lambdas are callers and
callees of their own (`module.function.<lambda1>`, counted in each scope), builtins are
`<builtin>.print`, other names from outside are dotted as they are imported, and what a decorator
wrapped is called by the wrapper. What stands in the body of a class is called by what is around it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from selfheal.codegraph.facts import Call, FileFacts
from selfheal.codegraph.linking import Linker
from selfheal.codegraph.names import Defined, Namespaces, full_name
from selfheal.codegraph.resolve import Place
from selfheal.diagrams.diagram import Arrow, Box, Diagram

CallMap = dict[str, tuple[str, ...]]
"""Callees by caller, both sorted; every module, function, method and lambda is a key."""


def call_map(linker: Linker) -> CallMap:
    """The call map of parsed files."""
    names = _Names(linker.names)
    found: dict[str, set[str]] = {name: set() for name in names.callers()}
    for file in linker.names.files.values():
        module = linker.names.modules.name_of(file.path)
        for call in file.calls:
            caller = names.caller(module, call.scope)
            found.setdefault(caller, set()).update(_callees(linker, names, file, call))
    return {caller: tuple(sorted(found[caller])) for caller in sorted(found)}


def diagram_of(calls: CallMap) -> Diagram:
    """A call map to be drawn: a box for every name, those that only are called too."""
    names = sorted({*calls, *(callee for callees in calls.values() for callee in callees)})
    arrows = (Arrow(caller, callee) for caller, callees in calls.items() for callee in callees)
    return Diagram("calls", tuple(Box(name, name) for name in names), tuple(arrows))


def _callees(linker: Linker, names: _Names, file: FileFacts, call: Call) -> Iterator[str]:
    place = Place(file.path, linker.names.modules.name_of(file.path), call.scope)
    for hit in linker.hits(call, place):
        if hit.callee is not None and linker.calls.is_promise(hit.callee):
            continue
        if hit.callee is not None:
            yield names.of(hit.callee)
        elif not hit.is_class:
            yield hit.name


class _Names:
    """Definitions as a call map names them."""

    def __init__(self, names: Namespaces) -> None:
        self._names = names
        self._lambdas: dict[str, str] = {}
        counts: dict[str, int] = defaultdict(int)
        for defined in names.definitions.values():
            if defined.fact.kind == "lambda":
                counts[defined.parent] += 1
                self._lambdas[defined.fq_name] = f"<lambda{counts[defined.parent]}>"

    def callers(self) -> Iterator[str]:
        """Every node that may call."""
        for file in self._names.files.values():
            yield self._names.modules.name_of(file.path)
        for defined in self._names.definitions.values():
            if defined.fact.kind != "class":
                yield self.of(defined)

    def of(self, defined: Defined) -> str:
        """The name of a definition."""
        return self._named(defined.module, defined.fact.qualname)

    def caller(self, module: str, scope: str) -> str:
        """The node that runs what is written in `scope`: a class body counts for what is around."""
        while scope and self._names.is_class(full_name(module, scope)):
            scope = scope.rpartition(".")[0]
        return self._named(module, scope)

    def _named(self, module: str, qualname: str) -> str:
        if "<" not in qualname:
            return full_name(module, qualname)
        written, shown = module, [module]
        for part in qualname.split("."):
            written = f"{written}.{part}"
            shown.append(self._lambdas.get(written, part))
        return ".".join(shown)
