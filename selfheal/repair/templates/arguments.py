"""Things in the wrong order or place: arguments, operands, branches, elements."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import combinations

from selfheal.repair.templates.place import Change, Place, Template

MOST_PAIRS = 10


def swapped(place: Place, one: ast.expr, other: ast.expr, weight: float = 1.0) -> Change:
    """Two expressions exchanged, with the text between them kept."""
    (a, b), (c, d) = sorted((place.source.outer_span(one), place.source.outer_span(other)))
    text = place.source.text
    return Change(a, d, text[c:d] + text[b:c] + text[a:b], weight)


def _pairs(nodes: Sequence[ast.expr]) -> list[tuple[ast.expr, ast.expr]]:
    plain = [node for node in nodes if not isinstance(node, ast.Starred)]
    return list(combinations(plain, 2))[:MOST_PAIRS]


def arguments(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.Call)
    for one, other in _pairs(node.args):
        yield swapped(place, one, other)
    values = [keyword.value for keyword in node.keywords if keyword.arg is not None]
    for one, other in _pairs(values):
        yield swapped(place, one, other, 0.5)
    for one in node.args[-1:]:
        yield from (swapped(place, one, other, 0.3) for other in values[:2])


def operands(place: Place) -> Iterator[Change]:
    node = place.node
    if isinstance(node, ast.BinOp):
        yield swapped(place, node.left, node.right)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield swapped(place, node.left, node.comparators[0], 0.4)
    elif isinstance(node, ast.BoolOp):
        pairs = zip(node.values, node.values[1:], strict=False)
        yield from (swapped(place, one, other, 0.4) for one, other in pairs)


def elements(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.Tuple | ast.List)
    for one, other in _pairs(node.elts):
        yield swapped(place, one, other)


def branches(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.IfExp)
    (a, b), (c, d) = place.source.outer_span(node.body), place.source.outer_span(node.orelse)
    text = place.source.text
    yield Change(a, d, text[c:d] + text[b:c] + text[a:b])


def dropped_arguments(place: Place) -> Iterator[Change]:
    """A call with one argument too many."""
    node = place.node
    assert isinstance(node, ast.Call)
    parts: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
    spans = [
        place.source.outer_span(p) if isinstance(p, ast.expr) else place.source.span(p)
        for p in parts
    ]
    for position, (start, end) in enumerate(spans):
        if position + 1 < len(spans):
            yield Change(start, spans[position + 1][0], "")
        elif position:
            yield Change(spans[position - 1][1], end, "")
        else:
            yield Change(start, end, "", 0.5)


def missing_arguments(place: Place) -> Iterator[Change]:
    """A call that leaves out a parameter for which a local name of the same name is at hand."""
    node = place.node
    assert isinstance(node, ast.Call)
    function = place.source.function_of(node)
    called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", None)
    if function is None or not called:
        return
    names = place.vocabulary.locals_of(function)
    signature = place.vocabulary.signature(called)
    given = {keyword.arg for keyword in node.keywords}
    _, end = place.source.span(node)
    comma = ", " if node.args or node.keywords else ""
    wanted = [a.arg for a in [*signature.args, *signature.kwonlyargs]] if signature else []
    for name in wanted:
        if name in names and name not in given:
            yield Change(end - 1, end - 1, f"{comma}{name}={name}")
    if not node.keywords:
        for name in names[:6]:
            yield Change(end - 1, end - 1, f"{comma}{name}", 0.5)


TEMPLATES = (
    Template("argument order", 1, 0.85, (ast.Call,), arguments),
    Template("operand order", 1, 0.7, (ast.BinOp, ast.Compare, ast.BoolOp), operands),
    Template("branch order", 1, 0.8, (ast.IfExp,), branches),
    Template("element order", 1, 0.6, (ast.Tuple, ast.List), elements),
    Template("drop an argument", 2, 0.4, (ast.Call,), dropped_arguments),
    Template("missing argument", 2, 0.4, (ast.Call,), missing_arguments),
)
