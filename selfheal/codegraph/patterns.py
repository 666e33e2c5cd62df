"""Parts of statements as the grammar has them: patterns of assignments, chains of comparisons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from selfheal.codegraph.expression import text_of

PATTERNS: Final = frozenset({"pattern_list", "tuple_pattern", "list_pattern", "tuple", "list"})
_WRITTEN: Final = frozenset({"expression_list", "tuple", "list"})


def paired(target: Node, value: Node) -> list[tuple[Node, list[Node]]] | None:
    """Each part of a pattern with what it takes of a written sequence; None if it is not known."""
    if target.type not in PATTERNS or value.type not in _WRITTEN:
        return None
    parts, given = target.named_children, [v for v in value.named_children if v.type != "comment"]
    stars = [i for i, part in enumerate(parts) if part.type == "list_splat_pattern"]
    spare = len(given) - len(parts)
    is_even = spare == 0 if not stars else len(stars) == 1 and spare >= -1
    if not is_even or any(v.type == "list_splat" for v in given):
        return None
    pairs, start = [], 0
    for index, part in enumerate(parts):
        taken = spare + 1 if index in stars else 1
        pairs.append((part, given[start : start + taken]))
        start += taken
    return pairs


def compared(node: Node) -> Iterator[tuple[Node, str, Node]]:
    """The pairs of a chain of comparisons, each with what stands between."""
    left, signs = None, ""
    for child in node.children:
        if not child.is_named:
            signs = f"{signs} {text_of(child)}".strip()
        elif child.type != "comment":
            if left is not None:
                yield left, signs, child
            left, signs = child, ""
