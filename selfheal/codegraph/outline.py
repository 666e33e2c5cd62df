"""Turns the matches of the queries for other languages than Python into facts.

Definitions, imports and calls by name: what each of the queries captures under the same names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from selfheal.codegraph.expression import nested, text_of
from selfheal.codegraph.facts import (
    Call,
    Chain,
    Definition,
    DefinitionKind,
    FileFacts,
    Import,
)
from selfheal.codegraph.matches import Captures, MatchReader, line_of, span_of

_DOTTED: Final = re.compile(r"[^\W\d]\w*(?:(?:\.|::|\?\.)[^\W\d]\w*)*")
_SEPARATOR: Final = re.compile(r"\.|::|\?\.")
_LAST_NAME: Final = re.compile(r"[^\W\d]\w*(?=\W*\Z)")
_MAX_TARGET: Final = 200
"""Characters of a callee that are looked at: longer ones are chains of calls, told by their end."""

# What stands between a class and the types it is made from.
_HERITAGE: Final = frozenset(
    {"class_heritage", "extends_clause", "implements_clause"}
    | {"superclass", "super_interfaces", "extends_interfaces", "type_list"}
)

SOMETHING: Final = ""
"""The base of a call on a value that the text does not name."""


@dataclass(frozen=True, slots=True)
class _Scope:
    qualname: str
    holds_methods: bool
    end: int


class OutlineReader(MatchReader[_Scope]):
    """Collects the facts of one file; `read` wants matches in source order."""

    def __init__(self) -> None:
        super().__init__(_Scope("", holds_methods=False, end=1 << 62))
        self._definitions: list[Definition] = []
        self._imports: dict[Import, None] = {}
        self._calls: dict[Call, None] = {}
        self._branches: dict[str, int] = {}
        self._readers = {
            "class": self._class,
            "function": self._function,
            "extension": self._extension,
            "namespace": self._namespace,
            "import": self._import,
            "call": self._call,
            "branch": self._branch,
        }

    def facts(self, path: str) -> FileFacts:
        """Everything read so far."""
        return FileFacts(
            path=path,
            definitions=tuple(
                definition._replace(branches=self._branches.get(definition.qualname, 0))
                for definition in self._definitions
            ),
            imports=tuple(self._imports),
            calls=tuple(self._calls),
        )

    @property
    def _scope(self) -> _Scope:
        return self._scopes[-1]

    def _class(self, node: Node, captures: Captures) -> None:
        heritage = captures.get("heritage", ())
        bases = tuple(_chain(text_of(base)) for part in heritage for base in _bases(part))
        qualname = nested(self._scope.qualname, _name(captures))
        self._definitions.append(Definition(qualname, "class", span_of(node), bases))
        self._open(qualname, node, holds_methods=True)

    def _function(self, node: Node, captures: Captures) -> None:
        kind: DefinitionKind = "method" if self._scope.holds_methods else "function"
        qualname = nested(self._scope.qualname, _name(captures))
        if "owner" in captures:  # a method of Go stands beside its type
            kind, qualname = "method", f"{text_of(captures['owner'][0])}.{_name(captures)}"
        self._definitions.append(Definition(qualname, kind, span_of(node)))
        self._open(qualname, node, holds_methods=False)

    def _extension(self, node: Node, captures: Captures) -> None:
        """Methods of a class that is defined elsewhere."""
        self._open(nested(self._scope.qualname, _name(captures)), node, holds_methods=True)

    def _namespace(self, node: Node, captures: Captures) -> None:
        self._open(nested(self._scope.qualname, _name(captures)), node, holds_methods=False)

    def _open(self, qualname: str, node: Node, *, holds_methods: bool) -> None:
        self._scopes.append(_Scope(qualname, holds_methods, node.end_byte))

    def _import(self, node: Node, captures: Captures) -> None:
        module = text_of(captures["module"][0]).strip("\"'`")
        self._imports[Import(self._scope.qualname, module, "", line_of(node))] = None

    def _call(self, node: Node, captures: Captures) -> None:
        target = _chain(text_of(captures["target"][0]))
        if "receiver" in captures:
            receiver = text_of(captures["receiver"][0])
            target = _chain(f"{receiver}.{text_of(captures['target'][0])}")
        if target:
            self._calls[Call(self._scope.qualname, target, line_of(node))] = None

    def _branch(self, _: Node, __: Captures) -> None:
        scope = self._scope.qualname
        self._branches[scope] = self._branches.get(scope, 0) + 1


def _name(captures: Captures) -> str:
    """A definition's name: without its type arguments, or the quotes of a property."""
    return text_of(captures["name"][0]).partition("<")[0].strip("\"'`[]")


def _bases(node: Node) -> Iterator[Node]:
    for child in node.named_children:
        if child.type in _HERITAGE:
            yield from _bases(child)
        elif child.type != "type_arguments":
            yield child


def _chain(text: str) -> Chain:
    """`a.b` and `a::b` as a chain; of anything longer the last name, on something."""
    plain = text.partition("<")[0] if text.endswith(">") else text
    if len(plain) <= _MAX_TARGET and _DOTTED.fullmatch(plain):
        first, *rest = _SEPARATOR.split(plain)
        return (first, *(f".{name}" for name in rest))
    found = _LAST_NAME.search(plain[-_MAX_TARGET:])
    return (SOMETHING, f".{found.group()}") if found else ()
