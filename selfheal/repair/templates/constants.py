"""A wrong constant: off by one, wrong number, truth value, string."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from difflib import SequenceMatcher

from selfheal.repair.templates.place import Change, Place, Template

SHORT_STRING = 24
MOST_STRINGS = 10
MOST_COMPARED = 200
"""Strings that one place is compared with: a file of tables has thousands, for as many places."""


def truths(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.Constant)
    if node.value is True:
        yield from (place.replaced(node, "False"), place.replaced(node, "None", 0.3))
    elif node.value is False:
        yield from (place.replaced(node, "True"), place.replaced(node, "None", 0.3))
    elif node.value is None:
        others = (("True", 0.5), ("False", 0.5), ("0", 0.4), ("''", 0.2), ("[]", 0.2), ("1", 0.2))
        yield from (place.replaced(node, text, weight) for text, weight in others)


def integers(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.Constant)
    value = node.value
    if type(value) is not int:
        return
    written = place.text(node)[:2].lower()
    for other, weight in _other_integers(value, place.vocabulary.numbers(node)):
        text = hex(other) if written == "0x" and other >= 0 else repr(other)
        if other < 0 and place.is_operand(node):
            text = f"({text})"
        yield place.replaced(node, text, weight)


def _other_integers(value: int, used: tuple[int | float, ...]) -> list[tuple[int, float]]:
    near = [(value + 1, 1.0), (value - 1, 1.0)]
    usual = [(0, 0.7), (1, 0.7), (-1, 0.5), (2, 0.5)]
    scaled = [(-value, 0.5), (value * 2, 0.3), (value // 2, 0.3), (value * 10, 0.3)]
    scaled += [(value // 10, 0.3), (value + 2, 0.3), (value - 2, 0.3)]
    scaled += [(value + 10, 0.2), (value - 10, 0.2)] if abs(value) >= 10 else []
    seen = [(number, 0.5) for number in used if isinstance(number, int)][:12]
    found: dict[int, float] = {}
    for other, weight in [*near, *usual, *scaled, *seen]:
        if other != value:
            found[other] = max(weight, found.get(other, 0.0))
    return list(found.items())


def floats(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.Constant)
    value = node.value
    if not isinstance(value, float):
        return
    others = [value + 1, value - 1, -value, 0.0, 1.0, 0.5, value * 2, value / 2]
    others += [value * 10, value / 10, *place.vocabulary.numbers(node)[:8]]
    for other in dict.fromkeys(others):
        if other != value:
            yield place.replaced(node, repr(other), 0.8)


def strings(place: Place) -> Iterator[Change]:
    """Neighbouring strings of the file, the closest first; then small slips of this one."""
    node = place.node
    assert isinstance(node, ast.Constant)
    value = node.value
    if not isinstance(value, str) or len(value) > 200 or not _is_single_literal(place, node):
        return
    if isinstance(place.source.parent.get(node), ast.Expr | ast.JoinedStr):
        return
    others = [other for other in place.vocabulary.strings(node) if other != value][:MOST_COMPARED]
    for rank, other in enumerate(
        sorted(others, key=lambda o: -_closeness(value, o))[:MOST_STRINGS]
    ):
        yield place.replaced(node, _literal(place, node, other), 0.8 - 0.04 * rank)
    for other, weight in _slips(value):
        yield place.replaced(node, _literal(place, node, other), weight)


def _closeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _slips(value: str) -> Iterator[tuple[str, float]]:
    if value:
        yield "", 0.5
    if value != value.strip():
        yield value.strip(), 0.5
    if len(value) > 4 and value[:2] == value[-2:]:
        yield value[2:-2], 0.5
    for other in (value.lower(), value.upper(), value.capitalize(), value.swapcase()):
        if other != value:
            yield other, 0.4
    if len(value) <= SHORT_STRING:
        for position in range(len(value)):
            yield value[:position] + value[position + 1 :], 0.35
        for extra in (" ", "\n", "s", "_", "-", ".", ","):
            yield value + extra, 0.25
            if value:
                yield extra + value, 0.2
    if not value:
        yield from ((other, 0.4) for other in (" ", ",", ".", "-", "_", "\n", "0", "/", ":"))


def _is_single_literal(place: Place, node: ast.Constant) -> bool:
    try:
        return bool(ast.literal_eval(place.text(node)) == node.value)
    except (ValueError, SyntaxError):
        return False


def _literal(place: Place, node: ast.Constant, value: str) -> str:
    """A literal of the same quotes and rawness where that is possible."""
    old = place.text(node)
    start = len(old) - len(old.lstrip("rRuUbB"))
    prefix, rest = old[:start], old[start:]
    quote = rest[:3] if rest[:3] in ('"""', "'''") else rest[:1]
    for candidate in (f"{prefix}{quote}{value}{quote}", f"{quote}{value}{quote}"):
        try:
            if ast.literal_eval(candidate) == value:
                return candidate
        except (ValueError, SyntaxError):
            continue
    return repr(value)


def off_by_one(place: Place) -> Iterator[Change]:
    """Add or take one where a number is a position, a bound or a count."""
    node = place.node
    assert isinstance(node, ast.expr)
    weight = _position_weight(place, node)
    if weight:
        _, end = place.source.outer_span(node)
        yield Change(end, end, " + 1", weight)
        yield Change(end, end, " - 1", weight)


def _position_weight(place: Place, node: ast.expr) -> float:
    parent = place.source.parent.get(node)
    if isinstance(parent, ast.Slice):
        return 1.0
    if isinstance(parent, ast.Subscript):
        return 0.8 if node is parent.slice else 0.0
    if isinstance(parent, ast.Compare):
        ordered = any(isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for op in parent.ops)
        return 0.6 if ordered else 0.3
    if isinstance(parent, ast.Call) and node in parent.args:
        return 1.0 if isinstance(parent.func, ast.Name) and parent.func.id == "range" else 0.4
    if isinstance(parent, ast.Return | ast.Assign | ast.BinOp | ast.keyword | ast.AugAssign):
        return 0.4 if not isinstance(parent, ast.Assign) or node is parent.value else 0.0
    return 0.0


TEMPLATES = (
    Template("truth value", 1, 0.9, (ast.Constant,), truths),
    Template("integer constant", 1, 0.85, (ast.Constant,), integers),
    Template("float constant", 1, 0.6, (ast.Constant,), floats),
    Template("string constant", 1, 0.6, (ast.Constant,), strings),
    Template(
        "off by one",
        1,
        0.5,
        (ast.Name, ast.Call, ast.Attribute, ast.BinOp, ast.Subscript),
        off_by_one,
    ),
)
