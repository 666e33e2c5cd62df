"""The vocabulary of templates: a place in a file, a change of its text, a named template."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from selfheal.repair.source import SourceFile
from selfheal.repair.vocabulary import Vocabulary

ATOMS = (
    ast.Name,
    ast.Constant,
    ast.Call,
    ast.Attribute,
    ast.Subscript,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.JoinedStr,
)


@dataclass(frozen=True, slots=True)
class Change:
    """Replace `start:end` by `text`; `weight` (0..1) scales its template's prior."""

    start: int
    end: int
    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """A node in its file, with the names and constants in use round it."""

    source: SourceFile
    vocabulary: Vocabulary
    node: ast.AST

    def text(self, node: ast.expr | ast.stmt) -> str:
        return self.source.segment(node)

    def replaced(self, node: ast.expr, text: str, weight: float = 1.0) -> Change:
        """The expression replaced by an atom or by text that binds tightly enough here."""
        start, end = self.source.span(node)
        return Change(start, end, text, weight)

    def lifted(self, node: ast.expr, kept: ast.expr, weight: float = 1.0) -> Change:
        """The expression replaced by a part of itself."""
        start, end = self.source.outer_span(node)
        low, high = self.source.outer_span(kept)
        text = self.source.text[low:high]
        whole = isinstance(kept, ATOMS) or text.startswith("(") or not self.is_operand(node)
        return Change(start, end, text if whole else f"({text})", weight)

    def grouped(self, node: ast.expr) -> str:
        """The expression's text, in parentheses unless it is an atom."""
        low, high = self.source.outer_span(node)
        text = self.source.text[low:high]
        return text if isinstance(node, ATOMS) or text.startswith("(") else f"({text})"

    def is_operand(self, node: ast.expr) -> bool:
        """True when what stands round the node binds to it more tightly than a comma."""
        parent = self.source.parent.get(node)
        if isinstance(parent, ast.Call):
            return node is parent.func
        if isinstance(parent, ast.Subscript):
            return node is parent.value
        return isinstance(
            parent, ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.Compare | ast.Attribute | ast.Await
        )


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of fix. `prior` (0..1) is how often it is the right one; tiers go in order."""

    name: str
    tier: int
    prior: float
    nodes: tuple[type[ast.AST], ...]
    changes: Callable[[Place], Iterator[Change]]
