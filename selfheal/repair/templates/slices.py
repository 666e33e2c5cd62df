"""A wrong slice or index: bounds moved, missing, too many, at the wrong end."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from selfheal.repair.templates.place import Change, Place, Template


def bounds(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.Slice)
    start, end = place.source.span(node)
    parts = [place.text(part) if part else "" for part in (node.lower, node.upper, node.step)]
    lower, upper, step = parts
    tail = f":{step}" if step else ""
    others = [(upper, lower), (lower, ""), ("", upper)]
    if not lower:
        others += [("1", upper), ("-1", upper)]
    if not upper:
        others += [(lower, "-1"), (lower, "1")]
    others += [(upper, "")] if upper and not lower else []
    others += [("", lower)] if lower and not upper else []
    for low, high in dict.fromkeys(others):
        if (low, high) != (lower, upper):
            yield Change(start, end, f"{low}:{high}{tail}")
    if step:
        yield Change(start, end, f"{lower}:{upper}", 0.5)
        negative = step[1:] if step.startswith("-") else f"-{step}"
        yield Change(start, end, f"{lower}:{upper}:{negative}", 0.5)
    else:
        yield Change(start, end, f"{lower}:{upper}:-1", 0.3)
        yield Change(start, end, f"{lower}:{upper}:2", 0.2)


def indexes(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.Subscript)
    if isinstance(node.slice, ast.Slice | ast.Tuple) or not isinstance(node.ctx, ast.Load):
        return
    start, end = place.source.span(node.slice)
    text = place.text(node.slice)
    yield from (Change(start, end, f"{text}:", 0.6), Change(start, end, f":{text}", 0.6))
    if text not in ("0", "-1"):
        yield from (Change(start, end, "0", 0.5), Change(start, end, "-1", 0.5))
    yield place.lifted(node, node.value, 0.5)


def added_bounds(place: Place) -> Iterator[Change]:
    """A value that should be sliced or indexed."""
    node = place.node
    assert isinstance(node, ast.Name)
    parent = place.source.parent.get(node)
    if isinstance(node.ctx, ast.Load) and isinstance(
        parent, ast.Return | ast.Call | ast.For | ast.Assign | ast.comprehension | ast.keyword
    ):
        if isinstance(parent, ast.Call) and parent.func is node:
            return
        _, end = place.source.span(node)
        for text in ("[1:]", "[:-1]", "[0]", "[-1]", "[::-1]", "[:]"):
            yield Change(end, end, text)


TEMPLATES = (
    Template("slice bounds", 1, 0.6, (ast.Slice,), bounds),
    Template("index", 2, 0.4, (ast.Subscript,), indexes),
    Template("add a slice", 2, 0.25, (ast.Name,), added_bounds),
)
