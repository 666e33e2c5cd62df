"""What containers of builtin types hold, and what their methods give of it."""

from __future__ import annotations

from typing import Final

from selfheal.codegraph import builtin
from selfheal.codegraph.facts import MERGED
from selfheal.codegraph.flow import Flow, Slot, Thing, Values

_MOST_MERGED: Final = 8
_LONGEST_NUMBER: Final = 9
_NOWHERE: Final = "?"
"""The offset of a slice that begins at an unknown place."""


class Containers:
    """Reads elements off the variables of containers.

    A Thing of kind `container` is told by the place of its literal; `about` is the offset of a
    slice of it. One of kind `numbered` gives pairs of a key or number and an element.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def item(self, thing: Thing, step: str) -> Values:
        """What the step `[key]`, `[]` or `[from:]` gives of a container, or of its pairs."""
        if thing.kind == "numbered":
            if step == "[]":
                return {thing: 1.0}
            return {} if step == "[0]" else self._element(thing.name, "[]")
        if step.endswith(":]") and not step.startswith("['"):
            start = _added(step[1 : step.index(":")], thing.about)
            return {Thing("container", thing.name, start): 1.0}
        return self._element(thing.name, _shifted(step, thing.about))

    def given(self, container: str, method: str) -> Values:
        """What a method of a container gives."""
        if method in builtin.ELEMENTS:
            return self._element(container, "[]")
        if method in builtin.CONTENTS:
            return {Thing("container", container): 1.0}
        return {Thing("numbered", container): 1.0} if method == "items" else {}

    def _element(self, container: str, key: str) -> Values:
        """The element at a known key and those at unknown keys; every element for `[]`."""
        others = "[*]" if key == "[]" else key
        found: Values = {}
        for name in self._merged(container):
            for held in (self._flow.read(Slot(name, "[]")), self._flow.read(Slot(name, others))):
                found = {**found, **held} if found and held else found or held
        return found

    def _merged(self, container: str) -> list[str]:
        """A container and those that were merged into it, not more than a few."""
        found = [container]
        for name in found:
            merged = self._flow.read(Slot(name, MERGED))
            if not merged:
                continue
            others = dict.fromkeys(one.name for one in merged if one.kind == "container")
            found.extend(other for other in others if other not in found)
            if len(found) > _MOST_MERGED:
                break
        return found[:_MOST_MERGED]


def type_of(container: str) -> str:
    """The builtin type of a container, from its name: `module:list:line:column`."""
    return container.split(":")[-3]


def _shifted(step: str, offset: str) -> str:
    """The key in the whole container of a key in its slice."""
    if not offset or step == "[]":
        return step
    index = _added(step[1:-1], offset)
    return "[]" if index == _NOWHERE else f"[{index}]"


def _added(number: str, offset: str) -> str:
    """The sum of two numbers as text; an empty offset is none."""
    parts = (number, offset or "0")
    if all(part.isdecimal() and part.isascii() and len(part) <= _LONGEST_NUMBER for part in parts):
        return str(sum(map(int, parts)))
    return _NOWHERE
