"""How the matches of a query are read, whatever the language: scope by scope, in source order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from tree_sitter import Node

from selfheal.codegraph.facts import Span

Captures = dict[str, list[Node]]


class Ending(Protocol):
    """A scope, which ends before this byte."""

    @property
    def end(self) -> int: ...


Scope = TypeVar("Scope", bound=Ending)


class MatchReader(Generic[Scope]):
    """Hands each match to the method that reads its construct; `whole` is the scope of the file."""

    def __init__(self, whole: Scope) -> None:
        self._scopes = [whole]
        self._readers: dict[str, Callable[[Node, Captures], None]] = {}

    def read(self, captures: Captures) -> None:
        """Hands one match to the reader of its outermost capture; wants them in source order."""
        name = next(name for name in captures if name in self._readers)
        node = captures[name][0]
        while self._scopes[-1].end <= node.start_byte:
            self._scopes.pop()
        self._readers[name](node, captures)


def line_of(node: Node) -> int:
    """Where it begins, from 1."""
    return node.start_point.row + 1


def span_of(node: Node) -> Span:
    """Its lines and bytes."""
    return Span(line_of(node), node.end_point.row + 1, node.start_byte, node.end_byte)
