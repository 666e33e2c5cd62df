"""A call that is missing or too many round a value; a bound or a term on a number."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from selfheal.repair.templates.place import Change, Place, Template

CALLS = ("list", "tuple", "str", "int", "len", "sorted", "abs", "set", "iter", "reversed", "float")
METHODS = (".lower()", ".strip()", ".copy()", ".items()", ".upper()", ".keys()", ".values()")
_VALUES = (ast.Name, ast.Call, ast.Attribute, ast.Subscript)


def unwrapped(place: Place) -> Iterator[Change]:
    """`f(x)` to `x`, and `x.f()` to `x`."""
    node = place.node
    assert isinstance(node, ast.Call)
    if len(node.args) >= 1 and not isinstance(node.args[0], ast.Starred):
        yield place.lifted(node, node.args[0])
    if isinstance(node.func, ast.Attribute):
        yield place.lifted(node, node.func.value)
    if not node.args and not node.keywords:
        yield place.lifted(node, node.func, 0.6)


def wrapped(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.expr)
    if not _is_passed_on(place, node):
        return
    start, end = place.source.outer_span(node)
    text = place.source.text[start:end]
    used = [name for name in CALLS if name in place.vocabulary.builtins]
    for name in [*used, *(other for other in CALLS[:5] if other not in used)]:
        yield Change(start, end, f"{name}({text})", 0.8 if name in used else 0.4)
    for method in METHODS:
        weight = 0.7 if method[1:-2] in place.vocabulary.methods_in_use else 0.3
        yield Change(start, end, f"{place.grouped(node)}{method}", weight)
    yield Change(start, end, f"{place.grouped(node)}()", 0.5)


def limited(place: Place) -> Iterator[Change]:
    """A number that should be bounded by zero, one, or another name."""
    node = place.node
    assert isinstance(node, ast.expr)
    function = place.source.function_of(node)
    if not _is_passed_on(place, node) or function is None:
        return
    start, end = place.source.outer_span(node)
    text = place.source.text[start:end]
    for other in ("0", "1", *place.vocabulary.locals_of(function)[:4]):
        if other != text:
            yield from (Change(start, end, f"{name}({text}, {other})") for name in ("max", "min"))


def terms(place: Place) -> Iterator[Change]:
    """A local name added to, taken from or multiplied with a value."""
    node = place.node
    assert isinstance(node, ast.expr)
    function = place.source.function_of(node)
    if not _is_passed_on(place, node) or function is None:
        return
    _, end = place.source.outer_span(node)
    for name in place.vocabulary.locals_of(function)[:6]:
        for operator in ("+", "-", "*"):
            yield Change(end, end, f" {operator} {name}")


def _is_passed_on(place: Place, node: ast.expr) -> bool:
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return False
    parent = place.source.parent.get(node)
    if isinstance(parent, ast.Call):
        return node in parent.args
    if isinstance(parent, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return node is parent.value
    if isinstance(parent, ast.For | ast.comprehension):
        return node is parent.iter
    return isinstance(parent, ast.Return | ast.keyword | ast.Compare | ast.BinOp | ast.Yield)


TEMPLATES = (
    Template("unwrap a call", 2, 0.5, (ast.Call,), unwrapped),
    Template("wrap in a call", 2, 0.3, _VALUES, wrapped),
    Template("bound a number", 2, 0.2, (*_VALUES, ast.BinOp), limited),
    Template("add a local name", 2, 0.2, _VALUES, terms),
)
