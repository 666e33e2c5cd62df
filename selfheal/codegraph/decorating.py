"""What decorators make of the definitions they are applied to."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from selfheal.codegraph.calling import Calls
from selfheal.codegraph.facts import Chain
from selfheal.codegraph.flow import Flow, Slot, Thing, Values
from selfheal.codegraph.hierarchy import receiver_name
from selfheal.codegraph.names import Defined, Namespaces
from selfheal.codegraph.resolve import Place, Resolver

DECORATED: Final = 0.9
"""Confidence of what a decorator of the project makes of its function."""
WRAPPED: Final = 0.6
"""Confidence that a wrapper calls the function that it was made for."""
SHARED: Final = 0.4
"""The same where a decorator has several functions: their calls are not told apart."""


class Decorations:
    """Applies decorators, from the nearest to the topmost."""

    def __init__(self, names: Namespaces, flow: Flow, resolver: Resolver) -> None:
        self._names = names
        self._flow = flow
        self._resolver = resolver
        self._calls = Calls(names, resolver)
        self._given: dict[str, set[str]] = defaultdict(set)
        for defined in names.definitions.values():
            for chain in defined.fact.decorators:
                self._given[_last_name(chain)].add(defined.fq_name)
        self._is_last_round = False

    def begin_last_round(self) -> None:
        """From here on a decorator of which nothing is known gives back what it got."""
        self._is_last_round = True

    def apply(self, defined: Defined) -> None:
        """Binds the name of a definition to what its decorators make of it."""
        made: Values = {self._resolver.defined(defined.fq_name): 1.0}
        for chain in reversed(defined.fact.decorators):
            made = self._applied(chain, made, defined)
        name = defined.fact.qualname.rpartition(".")[2]
        self._flow.add(Slot(defined.parent, name), made, at_most=1.0)

    def _applied(self, chain: Chain, made: Values, defined: Defined) -> Values:
        """What one decorator makes of `made`; one from outside keeps the name's meaning."""
        outer = defined.fact.qualname.rpartition(".")[0]
        place = Place(defined.path, defined.module, outer)
        decorators = self._resolver.evaluate(chain, place)
        callees = [(thing, *self._calls.callee(thing)) for thing in decorators]
        others = self._given[_last_name(chain)]
        found: dict[Thing, float] = {}
        for thing, callee, receiver in callees:
            if callee is not None:
                sure = WRAPPED if len(others) == 1 else SHARED
                self._pass(callee, made, at_most=sure, is_bound=receiver is not None)
            if callee is not None or thing.kind == "class":
                found.update(self._results(thing, made, defined, place))
        if any(thing in found for thing in made):
            return made  # it gives back what it got
        of_others = {thing for thing in found if thing.name in others}
        found = {thing: conf for thing, conf in found.items() if thing not in of_others}
        is_known = any(callee is not None for _, callee, _ in callees)
        transparent = self._is_last_round or (not is_known and self._is_outside(chain, place))
        return found or (made if transparent else {})

    def _is_outside(self, chain: Chain, place: Place) -> bool:
        """Whether a decorator is a name from outside, or made by one: `functools.wraps(f)`."""
        return any(
            thing.kind in ("builtin", "namespace")
            for end in range(1, len(chain) + 1)
            for thing in self._resolver.evaluate(chain[:end], place)
        )

    def _results(self, thing: Thing, made: Values, defined: Defined, place: Place) -> Values:
        results: dict[Thing, float] = {}
        for result, confidence in self._resolver.step({thing: 1.0}, "()", place).items():
            known = self._names.definitions.get(result.name)
            is_wrapper = result.kind == "function" and result not in made and known is not None
            if is_wrapper and not result.about:
                result = Thing("function", result.name, defined.fq_name)
            results[result] = min(confidence, DECORATED)
        return results

    def _pass(self, callee: Defined, made: Values, *, at_most: float, is_bound: bool) -> None:
        names = [name for name in callee.fact.parameters if not name.startswith("*")]
        if is_bound and receiver_name(callee):
            names = names[1:]
        if names:
            self._flow.add(Slot(callee.fq_name, names[0]), made, at_most=at_most)


def _last_name(decorator: Chain) -> str:
    return next((step for step in reversed(decorator) if step != "()"), "").lstrip(".")
