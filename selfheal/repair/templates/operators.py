"""A wrong operator: comparison, boolean, arithmetic, augmented assignment, sign."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from selfheal.repair.templates.place import Change, Place, Template

COMPARISONS: dict[type[ast.cmpop], tuple[str, tuple[tuple[str, float], ...]]] = {
    ast.Lt: ("<", (("<=", 1.0), (">", 0.7), (">=", 0.6), ("==", 0.3), ("!=", 0.3))),
    ast.LtE: ("<=", (("<", 1.0), (">=", 0.7), (">", 0.6), ("==", 0.3), ("!=", 0.2))),
    ast.Gt: (">", ((">=", 1.0), ("<", 0.7), ("<=", 0.6), ("==", 0.3), ("!=", 0.3))),
    ast.GtE: (">=", ((">", 1.0), ("<=", 0.7), ("<", 0.6), ("==", 0.3), ("!=", 0.2))),
    ast.Eq: ("==", (("!=", 1.0), ("<=", 0.4), (">=", 0.4), ("<", 0.3), (">", 0.3), ("is", 0.2))),
    ast.NotEq: ("!=", (("==", 1.0), ("<", 0.4), (">", 0.4), ("<=", 0.2), (">=", 0.2))),
    ast.Is: ("is", (("is not", 1.0), ("==", 0.2))),
    ast.IsNot: ("is not", (("is", 1.0), ("!=", 0.2))),
    ast.In: ("in", (("not in", 1.0), ("==", 0.2))),
    ast.NotIn: ("not in", (("in", 1.0), ("!=", 0.2))),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, tuple[tuple[str, float], ...]]] = {
    ast.Add: ("+", (("-", 1.0), ("*", 0.6), ("/", 0.2), ("|", 0.2), ("//", 0.2), ("%", 0.2))),
    ast.Sub: ("-", (("+", 1.0), ("*", 0.4), ("/", 0.3), ("//", 0.3), ("%", 0.3), ("&", 0.1))),
    ast.Mult: ("*", (("/", 0.8), ("+", 0.7), ("**", 0.6), ("//", 0.6), ("-", 0.4), ("%", 0.3))),
    ast.Div: ("/", (("//", 1.0), ("*", 0.8), ("%", 0.5), ("-", 0.3), ("+", 0.3))),
    ast.FloorDiv: ("//", (("/", 1.0), ("%", 0.7), ("*", 0.6), ("-", 0.3), ("+", 0.3))),
    ast.Mod: ("%", (("//", 0.8), ("/", 0.6), ("*", 0.5), ("+", 0.3), ("-", 0.3))),
    ast.Pow: ("**", (("*", 1.0), ("+", 0.3), ("/", 0.3), ("//", 0.2), ("-", 0.2))),
    ast.LShift: ("<<", ((">>", 1.0), ("*", 0.3), ("+", 0.2))),
    ast.RShift: (">>", (("<<", 1.0), ("//", 0.3), ("-", 0.2))),
    ast.BitAnd: ("&", (("|", 1.0), ("^", 0.6), ("-", 0.3), ("+", 0.1))),
    ast.BitOr: ("|", (("&", 1.0), ("^", 0.6), ("+", 0.3), ("-", 0.2))),
    ast.BitXor: ("^", (("&", 0.8), ("|", 0.8), ("**", 0.5))),
    ast.MatMult: ("@", (("*", 1.0),)),
}


def token_between(place: Place, low: int, high: int, token: str) -> tuple[int, int] | None:
    """Where an operator stands in the gap between two operands; comments do not count."""
    pattern = r"\s+".join(re.escape(part) for part in token.split())
    gap = re.sub(r"#[^\r\n]*", lambda found: " " * len(found.group()), place.source.text[low:high])
    match = re.search(pattern, gap)
    return (low + match.start(), low + match.end()) if match else None


def comparisons(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.Compare)
    left = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        token, others = COMPARISONS[type(operator)]
        found = token_between(place, place.source.span(left)[1], place.source.span(right)[0], token)
        if found:
            yield from (Change(*found, other, weight) for other, weight in others)
        left = right


def booleans(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.BoolOp)
    token, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    for left, right in zip(node.values, node.values[1:], strict=False):
        found = token_between(place, place.source.span(left)[1], place.source.span(right)[0], token)
        if found:
            yield Change(*found, other)


def arithmetic(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.BinOp)
    low, high = place.source.span(node.left)[1], place.source.span(node.right)[0]
    yield from _other_operators(place, (low, high), node.op)


def augmented(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.AugAssign)
    low, high = place.source.span(node.target)[1], place.source.span(node.value)[0]
    yield from _other_operators(place, (low, high), node.op)
    token = ARITHMETIC[type(node.op)][0] + "="
    found = token_between(place, low, high, token)
    if found:
        yield Change(*found, "=", 0.7)


def assigned(place: Place) -> Iterator[Change]:
    """`x = y` where `x += y` was meant, and its kin."""
    node = place.node
    assert isinstance(node, ast.Assign)
    if len(node.targets) == 1 and not isinstance(node.targets[0], ast.Tuple | ast.List):
        low, high = place.source.span(node.targets[0])[1], place.source.span(node.value)[0]
        found = token_between(place, low, high, "=")
        if found:
            for operator, weight in (("+=", 1.0), ("-=", 0.5), ("|=", 0.3), ("*=", 0.3)):
                yield Change(*found, operator, weight)


def _other_operators(
    place: Place, gap: tuple[int, int], operator: ast.operator
) -> Iterator[Change]:
    token, others = ARITHMETIC[type(operator)]
    found = token_between(place, *gap, token)
    if found:
        yield from (Change(*found, other, weight) for other, weight in others)


def signs(place: Place) -> Iterator[Change]:
    """Drop `not`, `-` or `~`."""
    node = place.node
    assert isinstance(node, ast.UnaryOp)
    yield place.lifted(node, node.operand)


def negative(place: Place) -> Iterator[Change]:
    """A minus sign that is missing."""
    node = place.node
    assert isinstance(node, ast.expr)
    parent = place.source.parent.get(node)
    wanted = ast.Return | ast.Call | ast.Slice | ast.Subscript | ast.Assign | ast.keyword
    if isinstance(parent, wanted) and _is_value(parent, node):
        start, _ = place.source.outer_span(node)
        yield Change(start, start, "-", 0.5 if isinstance(node, ast.Constant) else 1.0)


def _is_value(parent: ast.AST, node: ast.expr) -> bool:
    if isinstance(parent, ast.Call):
        return node in parent.args
    if isinstance(parent, ast.Subscript):
        return node is parent.slice
    return not isinstance(parent, ast.Assign) or node is parent.value


TEMPLATES = (
    Template("comparison operator", 1, 0.9, (ast.Compare,), comparisons),
    Template("boolean operator", 1, 0.9, (ast.BoolOp,), booleans),
    Template("arithmetic operator", 1, 0.85, (ast.BinOp,), arithmetic),
    Template("augmented operator", 1, 0.85, (ast.AugAssign,), augmented),
    Template("drop a sign or not", 1, 0.8, (ast.UnaryOp,), signs),
    Template("accumulate instead of assign", 2, 0.5, (ast.Assign,), assigned),
    Template("add a minus sign", 2, 0.4, (ast.Name, ast.Call, ast.Constant), negative),
)
