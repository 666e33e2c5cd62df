"""What annotated parameters do not take: instances of classes that the annotation leaves out."""

from __future__ import annotations

from collections import defaultdict

from selfheal.codegraph.facts import Chain
from selfheal.codegraph.flow import Slot, Thing, Values
from selfheal.codegraph.resolve import Place, Resolver


class Annotations:
    """Variables with what their annotations say, as chains of instances.

    They tell callers apart that reach several functions through one table. Only those that name
    classes of the project, and nothing that is not known, say what a variable is not.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._said: dict[Slot, list[tuple[Chain, Place]]] = defaultdict(list)
        self._classes: dict[Slot, frozenset[str]] = {}

    def say(self, slot: Slot, chain: Chain, place: Place) -> None:
        """Notes that an annotation written at `place` says `chain` of a variable."""
        self._said[slot].append((chain, place))

    def fitting(self, slot: Slot, values: Values) -> Values:
        """`values` without the instances that cannot be meant for `slot`."""
        if slot not in self._said:
            return values
        classes = self._named(slot)
        if not classes:
            return values
        return {one: conf for one, conf in values.items() if self._fits(one, classes)}

    def _named(self, slot: Slot) -> frozenset[str]:
        """The classes that the annotation names; none while a part of it is not known."""
        if slot not in self._classes:
            parts = [self._resolver.evaluate(chain, place) for chain, place in self._said[slot]]
            if not all(parts):
                return frozenset()
            self._classes[slot] = self._classes_of([one for part in parts for one in part])
        return self._classes[slot]

    def _classes_of(self, things: list[Thing]) -> frozenset[str]:
        named = frozenset(one.name for one in things if one.kind == "instance")
        is_open = any(one.kind == "class" for one in things) or any(
            map(self._resolver.hierarchy.is_protocol, named)
        )
        return frozenset() if is_open else named

    def _fits(self, thing: Thing, classes: frozenset[str]) -> bool:
        """Whether it is no instance, or one of a class above or below one of `classes`."""
        ancestry = self._resolver.hierarchy.ancestry
        if thing.kind != "instance" or not classes.isdisjoint(ancestry(thing.name)):
            return True
        return any(thing.name in ancestry(one) for one in classes)
