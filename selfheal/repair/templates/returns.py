"""A wrong or missing result, and guards that leave early."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from selfheal.repair.source import FunctionNode
from selfheal.repair.templates.place import Change, Place, Template


def returned(place: Place) -> Iterator[Change]:
    """Another value returned: a local name, an empty value, a truth value."""
    node = place.node
    assert isinstance(node, ast.Return)
    function = place.source.function_of(node)
    if function is None:
        return
    names = place.vocabulary.locals_of(function)
    start, end = place.source.span(node)
    for rank, name in enumerate(reversed(names)):
        yield Change(start, end, f"return {name}", max(0.4, 1.0 - 0.05 * rank))
    for text in ("None", "True", "False", "0", "[]", "''"):
        yield Change(start, end, f"return {text}", 0.4)


def missing_return(place: Place) -> Iterator[Change]:
    """A last statement whose value should be returned."""
    node = place.node
    assert isinstance(node, ast.Expr)
    if isinstance(node.value, ast.Call | ast.Name | ast.Attribute | ast.BinOp):
        start, _ = place.source.span(node)
        yield Change(start, start, "return ")
        yield Change(start, start, "yield ", 0.4)


def result_of_call(place: Place) -> Iterator[Change]:
    """`x.f()` whose result should replace `x`."""
    node = place.node
    assert isinstance(node, ast.Expr)
    call = node.value
    method = call.func if isinstance(call, ast.Call) else None
    owner = method.value if isinstance(method, ast.Attribute) else None
    if isinstance(owner, ast.Name) and owner.id != "self":
        start, _ = place.source.span(node)
        yield Change(start, start, f"{owner.id} = ")


def guards(place: Place) -> Iterator[Change]:
    """Leave a function early when a parameter is None or empty."""
    node = place.node
    assert isinstance(node, FunctionNode)
    body = [s for s in node.body if not _is_docstring(s)]
    if not body:
        return
    start, _ = place.source.span(body[0])
    indent = " " * body[0].col_offset
    names = [
        a.arg for a in [*node.args.args, *node.args.kwonlyargs] if a.arg not in ("self", "cls")
    ]
    for name in names[:4]:
        for test in (f"{name} is None", f"not {name}"):
            for result in ("None", name, "False", "True", "0", "[]", "''"):
                text = f"if {test}:\n{indent}    return {result}\n{indent}"
                yield Change(start, start, text, 0.6 if result == "None" else 0.4)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


TEMPLATES = (
    Template("returned value", 2, 0.5, (ast.Return,), returned),
    Template("missing return", 2, 0.5, (ast.Expr,), missing_return),
    Template("use the result", 2, 0.3, (ast.Expr,), result_of_call),
    Template("early guard", 2, 0.2, (ast.FunctionDef, ast.AsyncFunctionDef), guards),
)
