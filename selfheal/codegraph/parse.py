"""Source to facts, with one tree-sitter query per language; broken source as far as it parses."""

from __future__ import annotations

from functools import cache
from typing import Final

from tree_sitter import Node, Parser, Query, QueryCursor

from selfheal.codegraph.facts import FileFacts
from selfheal.codegraph.grammar import grammar, language_of, query_for
from selfheal.codegraph.matches import Captures
from selfheal.codegraph.outline import OutlineReader
from selfheal.codegraph.reader import Reader
from selfheal.codegraph.source import SourceTree, decoded_text, source_text
from selfheal.errors import InvalidInput, UnsupportedLanguage

# The query takes quadratic time on deep trees (a chain of 100,000 calls: 80 s), and the binding's
# own way to stop it, progress_callback, crashes in 0.25.2. Python itself refuses 200 open brackets;
# a tree of few nodes is cheap at any depth.
_MAX_OPEN_BRACKETS: Final = 1_000
_MAX_TREE_DEPTH: Final = 1_000
_CHEAP_TREE: Final = 20_000
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"()[]{}"))


def facts_of(blob: bytes, path: str, *, language: str = "") -> FileFacts:
    """The facts of one file. Never raises for its content: see `FileFacts.problem`.

    The language is told by the end of the path, where none is named.
    """
    language = language or language_of(path)
    try:
        source = source_text(blob) if language == "python" else decoded_text(blob)
    except InvalidInput as error:
        return FileFacts(path, problem=str(error))
    return facts_of_text(source, path, language=language)


def facts_in(tree: SourceTree, path: str) -> FileFacts | None:
    """The facts of a file of `tree`; None when it has no such file."""
    try:
        blob = tree.read(path)
    except InvalidInput as error:
        return FileFacts(path, problem=str(error))
    return facts_of(blob, path) if blob is not None else None


def facts_of_text(source: str, path: str, *, language: str = "") -> FileFacts:
    """The facts of source that is already text; as `facts_of`."""
    language = language or language_of(path)
    encoded = encoded_source(source)
    if _open_brackets(encoded) > _MAX_OPEN_BRACKETS:
        return FileFacts(path, problem=f"more than {_MAX_OPEN_BRACKETS} brackets are open at once")
    try:
        query, root = _query(language), syntax_of(encoded, language=language)
    except UnsupportedLanguage as error:
        return FileFacts(path, problem=str(error))
    if _is_costly(root):
        return FileFacts(path, problem=f"nested deeper than {_MAX_TREE_DEPTH} levels, or garbled")
    reader = Reader() if language == "python" else OutlineReader()
    for captures in _matches(root, query):
        reader.read(captures)
    lines = encoded.count(b"\n") + 1
    return reader.facts(path)._replace(lines=lines, problem=_first_error(root))


def syntax_of(encoded: bytes, *, language: str = "python") -> Node:
    """The root of the syntax tree of source in UTF-8, broken as far as it parses.

    Raises UnsupportedLanguage.
    """
    return Parser(grammar(language)).parse(encoded).root_node


def encoded_source(source: str) -> bytes:
    """The bytes that spans of facts count in."""
    return source.removeprefix("\ufeff").encode(errors="replace")


@cache
def _query(language: str) -> Query:
    return query_for(grammar(language), language)


def _matches(root: Node, query: Query) -> list[Captures]:
    """Matches in source order, an enclosing construct before what it encloses."""
    found = [captures for _, captures in QueryCursor(query).matches(root)]
    return sorted(found, key=_extent)


def _extent(captures: Captures) -> tuple[int, int]:
    outermost = next(iter(captures.values()))[0]
    return outermost.start_byte, -outermost.end_byte


def _open_brackets(source: bytes) -> int:
    """The most brackets open at once, those in strings and comments included."""
    depth = deepest = 0
    for mark in source.translate(None, _NO_BRACKETS):
        depth += 1 if mark in b"([{" else -1
        deepest = max(deepest, depth)
    return deepest


def _is_costly(root: Node) -> bool:
    """Whether the query would take quadratic time: a deep tree, or a wide error."""
    if root.descendant_count < _CHEAP_TREE:
        return False
    if any(node.is_error and node.child_count > _CHEAP_TREE for node in (root, *root.children)):
        return True
    cursor = root.walk()
    while cursor.depth <= _MAX_TREE_DEPTH:
        if cursor.goto_first_child() or cursor.goto_next_sibling():
            continue
        while cursor.goto_parent():
            if cursor.goto_next_sibling():
                break
        else:
            return False
    return True


def _first_error(root: Node) -> str:
    """Where the source first breaks the grammar; empty when it does not."""
    node = root
    while node.has_error and not (node.is_error or node.is_missing):
        broken = [child for child in node.children if child.has_error or child.is_missing]
        if not broken:
            break
        node = broken[0]
    return f"syntax error near line {node.start_point.row + 1}" if root.has_error else ""
