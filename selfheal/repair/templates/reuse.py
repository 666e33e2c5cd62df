"""The last tier: an expression of the same function in another's place, a statement moved in."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from selfheal.repair.source import FunctionNode
from selfheal.repair.templates.place import Change, Place, Template

MOST_EXPRESSIONS = 20
_EXPRESSIONS = (ast.Call, ast.Attribute, ast.Subscript, ast.BinOp, ast.Compare, ast.Name)


def expressions(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.expr)
    function = place.source.function_of(node)
    if function is None or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    found: dict[str, None] = {}
    for other in ast.walk(function):
        loaded = isinstance(getattr(other, "ctx", ast.Load()), ast.Load)
        if isinstance(other, _EXPRESSIONS) and loaded and other is not node:
            found.setdefault(place.grouped(other))
    yield from (place.replaced(node, text) for text in list(found)[:MOST_EXPRESSIONS])


def statements(place: Place) -> Iterator[Change]:
    """A simple statement of the same function once more before this one."""
    node = place.node
    assert isinstance(node, ast.stmt)
    function = place.source.function_of(node)
    if function is None or isinstance(node, FunctionNode):
        return
    start, _ = place.source.span(node)
    indent = " " * node.col_offset
    simple = ast.Assign | ast.AugAssign | ast.Expr | ast.Continue | ast.Break | ast.Return
    texts = [place.text(s) for s in ast.walk(function) if isinstance(s, simple) and s is not node]
    short = [text for text in dict.fromkeys(texts) if "\n" not in text]
    for text in short[:MOST_EXPRESSIONS]:
        yield Change(start, start, f"{text}\n{indent}")


TEMPLATES = (
    Template("expression of the same function", 3, 0.3, _EXPRESSIONS, expressions),
    Template(
        "statement of the same function",
        3,
        0.2,
        (ast.Assign, ast.Return, ast.Expr, ast.If, ast.For, ast.AugAssign, ast.While),
        statements,
    ),
)
