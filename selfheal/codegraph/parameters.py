"""Which parameters an argument reaches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from selfheal.codegraph.flow import Slot
from selfheal.codegraph.names import Defined


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a definition: those that take positions, those that take keywords.

    `rest` and `others` are what `*rest` and `**others` collect into; empty for none.
    """

    owner: str
    positional: tuple[str, ...]
    named: frozenset[str]
    rest: str
    others: str

    @classmethod
    def of(cls, defined: Defined, *, bound: bool) -> Self:
        """Those of a definition, without the receiver where it is `bound` to one."""
        written = defined.fact.parameters
        starred = next((i for i, name in enumerate(written) if name.startswith("*")), len(written))
        return cls(
            owner=defined.fq_name,
            positional=written[1 if bound else 0 : starred],
            named=frozenset(name for name in written if not name.startswith("*")),
            rest=next(
                (n[1:] for n in written if n.startswith("*") and n[1:2] not in ("", "*")), ""
            ),
            others=next((name[2:] for name in written if name.startswith("**")), ""),
        )

    def taking(self, key: str) -> Iterator[tuple[Slot, str]]:
        """The variables that an argument goes to, each with the step to its part of the argument.

        An empty step is for the whole of it. For the form of `key` see `facts.Argument`.
        """
        if key == "**":
            yield from ((Slot(self.owner, name), f"['{name}']") for name in sorted(self.named))
        elif key.startswith("*"):
            first = int(key[1:])
            for index, name in enumerate(self.positional[first:]):
                yield Slot(self.owner, name), f"[{index}]"
            if self.rest:
                yield Slot(rest_container(self.owner, self.rest, "tuple"), "[]"), "[]"
        elif not key.isdigit():
            yield from self._by_keyword(key)
        elif int(key) < len(self.positional):
            yield Slot(self.owner, self.positional[int(key)]), ""
        elif self.rest:
            container = rest_container(self.owner, self.rest, "tuple")
            yield Slot(container, f"[{int(key) - len(self.positional)}]"), ""
            yield Slot(container, "[*]"), ""

    def _by_keyword(self, key: str) -> Iterator[tuple[Slot, str]]:
        if key in self.named:
            yield Slot(self.owner, key), ""
        elif self.others:
            container = rest_container(self.owner, self.others, "dict")
            yield Slot(container, f"['{key}']"), ""
            yield Slot(container, "[*]"), ""


def _collects(name: str) -> str:
    """The stars of a parameter that collects; a bare star separates and collects nothing."""
    return name[: len(name) - len(name.lstrip("*"))] if name != "*" else ""


def rest_container(owner: str, name: str, kind: str) -> str:
    """The name of the container that a starred parameter is bound to."""
    return f"{owner}.{name}:{kind}:0:0"
