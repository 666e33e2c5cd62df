"""Where a file has a few chosen names, and in which part: as a name, a member, an import, a string.

A walk over the syntax tree that binds names as Python does. What is quoted in an annotation is
code to a type checker, so it is read as such.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from tree_sitter import Node

from selfheal.codegraph.expression import Expressions, lambda_base, nested, text_of
from selfheal.codegraph.facts import Chain
from selfheal.codegraph.parse import syntax_of
from selfheal.recipes.scopes import Scope, ScopeKind

Mode = Literal["", "annotation", "listed"]

_PATTERNS: Final = frozenset(
    {"pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern", "tuple", "list"}
    | {"parenthesized_expression", "expression_list", "as_pattern_target", "splat_pattern"}
    | {"dictionary_splat_pattern"}
)
_NO_TYPES: Final = frozenset({"Literal", "Annotated"})
"""What stands in their brackets is no type, so a string there is a string."""

_FILLED: Final = re.compile("[%{]")
"""Where the fixed beginning of a string ends."""
_BEGINNING: Final = re.compile(r"\w{2,}_")


class Spot(NamedTuple):
    """Offsets in the file's UTF-8 bytes without a byte order mark; the line counts from 1."""

    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class Word:
    """A bare name; `binds` where the statement gives it a value."""

    name: str
    spot: Spot
    scope: Scope
    binds: bool


@dataclass(frozen=True, slots=True)
class Member:
    """`receiver.name`; the receiver as chains of the code graph."""

    name: str
    spot: Spot
    scope: Scope
    receivers: tuple[Chain, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """`from module import name`, or `import module` with an empty name; `binds` where no alias
    follows. The spot is that of the name, or of the module."""

    module: str
    name: str
    spot: Spot
    scope: Scope
    binds: bool


@dataclass(frozen=True, slots=True)
class Quoted:
    """A string that is one of the names, ends with one behind a dot, or has how one begins up to
    an underscore; `listed` in `__all__`. The spot is that of the name."""

    name: str
    spot: Spot
    listed: bool


@dataclass(slots=True)
class Occurrences:
    """The chosen names in one file. `keywords` are those of arguments: `f(name=1)`."""

    words: list[Word] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    imports: list[Imported] = field(default_factory=list)
    strings: list[Quoted] = field(default_factory=list)
    keywords: list[tuple[str, Spot]] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)


def occurrences_in(source: bytes, names: frozenset[str]) -> Occurrences:
    """The occurrences of `names` in Python source: UTF-8 without a byte order mark."""
    walk = _Walk(source, names)
    walk.run()
    return walk.found


class _Step(NamedTuple):
    node: Node
    scope: Scope
    mode: Mode = ""
    offset: int = 0


class _Walk:
    def __init__(self, source: bytes, names: frozenset[str]) -> None:
        self.found = Occurrences()
        self._source = source
        self._names = names
        self._quoted = tuple(name.encode() for name in names)
        self._expressions = Expressions(lambda _: None)
        self._stack = [_Step(syntax_of(source), self._opened("module", "", "", None))]
        self._readers: dict[str, Callable[[_Step], None]] = {
            "identifier": self._use,
            "attribute": self._attribute,
            "dotted_name": self._dotted,
            "string": self._string,
            "keyword_argument": self._keyword,
            "keyword_pattern": self._keyword,
            "function_definition": self._function,
            "class_definition": self._class,
            "lambda": self._lambda,
            "list_comprehension": self._comprehension,
            "set_comprehension": self._comprehension,
            "dictionary_comprehension": self._comprehension,
            "generator_expression": self._comprehension,
            "import_statement": self._import,
            "import_from_statement": self._import_from,
            "global_statement": self._declaration,
            "nonlocal_statement": self._declaration,
            "assignment": self._assignment,
            "augmented_assignment": self._assignment,
            "type_alias_statement": self._assignment,
            "for_statement": self._assignment,
            "for_in_clause": self._assignment,
            "named_expression": self._walrus,
            "as_pattern": self._as_pattern,
            "delete_statement": self._delete,
            "case_pattern": self._case,
            "splat_pattern": self._capture,
            "call": self._call,
            "type": self._type,
            "generic_type": self._generic,
            "subscript": self._generic,
        }

    def run(self) -> None:
        """A stack of its own instead of recursion: sources may be nested at any depth."""
        while self._stack:
            step = self._stack.pop()
            reader = self._readers.get(step.node.type)
            if reader is not None:
                reader(step)
            else:
                self._push(step.node.named_children, step)

    def _push(self, nodes: Iterable[Node | None], step: _Step, *, mode: Mode | None = None) -> None:
        as_before = step.mode if mode is None else mode
        self._stack += [step._replace(node=node, mode=as_before) for node in nodes if node]

    def _opened(self, kind: ScopeKind, qualname: str, key: str, parent: Scope | None) -> Scope:
        scope = Scope(kind, qualname, key, parent)
        self.found.scopes.append(scope)
        return scope

    def _spot(self, node: Node, offset: int) -> Spot:
        start = node.start_byte + offset
        return Spot(start, node.end_byte + offset, self._source.count(b"\n", 0, start) + 1)

    def _use(self, step: _Step) -> None:
        self._word(step, binds=False)

    def _word(self, step: _Step, *, binds: bool) -> None:
        name = text_of(step.node)
        if name in self._names:
            spot = self._spot(step.node, step.offset)
            self.found.words.append(Word(name, spot, step.scope, binds))

    def _bind(self, node: Node, step: _Step, scope: Scope | None = None) -> None:
        """An identifier that a statement of `scope` gives a value."""
        (scope or step.scope).bind(text_of(node))
        self._word(step._replace(node=node, scope=scope or step.scope), binds=True)

    def _target(self, node: Node | None, step: _Step) -> None:
        if node is None:
            return
        if node.type == "identifier":
            self._bind(node, step)
        elif node.type in _PATTERNS:
            for child in node.named_children:
                self._target(child, step)
        else:
            self._push([node], step)

    def _attribute(self, step: _Step) -> None:
        receiver, member = step.node.child_by_field_name("object"), step.node.named_children[-1]
        self._push([receiver], step)
        name = text_of(member)
        if name in self._names and receiver is not None:
            chains = self._expressions.chains(receiver, step.scope.qualname)
            spot = self._spot(member, step.offset)
            self.found.members.append(Member(name, spot, step.scope, chains))

    def _dotted(self, step: _Step) -> None:
        """`Color.RED` as a pattern: the grammar has no attributes there."""
        first, *rest = step.node.named_children
        self._use(step._replace(node=first))
        chain: Chain = (text_of(first),)
        for member in rest:
            name = text_of(member)
            if name in self._names:
                spot = self._spot(member, step.offset)
                self.found.members.append(Member(name, spot, step.scope, (chain,)))
            chain = (*chain, f".{name}")

    def _keyword(self, step: _Step) -> None:
        name, *values = step.node.named_children
        if text_of(name) in self._names:
            self.found.keywords.append((text_of(name), self._spot(name, step.offset)))
        self._push(values, step)

    def _function(self, step: _Step) -> None:
        node, outer = step.node, step.scope
        name = node.child_by_field_name("name")
        if name is not None:
            self._bind(name, step)
        qualname = nested(outer.qualname, text_of(name))
        inner = self._opened("function", qualname, qualname, outer)
        parameters = node.child_by_field_name("parameters")
        for parameter in parameters.named_children if parameters else ():
            self._parameter(parameter, step, inner)
        fields = ("type_parameters", "return_type")
        self._push([node.child_by_field_name(each) for each in fields], step)
        self._push([node.child_by_field_name("body")], step._replace(scope=inner))

    def _parameter(self, node: Node, step: _Step, inner: Scope) -> None:
        if node.type == "identifier":
            self._bind(node, step, inner)
        elif node.type in _PATTERNS:
            for child in node.named_children:
                self._parameter(child, step, inner)
        elif node.named_children:
            name, *others = node.named_children
            self._parameter(name, step, inner)
            self._push(others, step)

    def _lambda(self, step: _Step) -> None:
        outer = step.scope
        qualname = lambda_base(step.node, outer.qualname).removeprefix("def:")
        inner = self._opened("lambda", qualname, qualname, outer)
        parameters = step.node.child_by_field_name("parameters")
        for parameter in parameters.named_children if parameters else ():
            self._parameter(parameter, step, inner)
        self._push([step.node.child_by_field_name("body")], step._replace(scope=inner))

    def _class(self, step: _Step) -> None:
        node, outer = step.node, step.scope
        name = node.child_by_field_name("name")
        if name is not None:
            self._bind(name, step)
        qualname = nested(outer.qualname, text_of(name))
        inner = self._opened("class", qualname, qualname, outer)
        fields = ("type_parameters", "superclasses")
        self._push([node.child_by_field_name(each) for each in fields], step)
        self._push([node.child_by_field_name("body")], step._replace(scope=inner))

    def _comprehension(self, step: _Step) -> None:
        """The first iterable is evaluated outside; everything else in a scope of its own."""
        outer = step.scope
        key = f"{outer.key}<{step.node.start_byte + step.offset}>"
        inner = step._replace(scope=self._opened("comprehension", outer.qualname, key, outer))
        clauses = [child for child in step.node.named_children if child.type == "for_in_clause"]
        for child in step.node.named_children:
            if clauses and child == clauses[0]:
                self._target(child.child_by_field_name("left"), inner)
                self._push([child.child_by_field_name("right")], step)
            else:
                self._push([child], inner)

    def _import(self, step: _Step) -> None:
        for child in step.node.named_children:
            if child.type == "aliased_import":
                self._bind(child.named_children[-1], step)
                continue
            bound = text_of(child.named_children[0])
            step.scope.bind(bound)
            if bound in self._names:
                spot = self._spot(child, step.offset)
                self.found.imports.append(
                    Imported(text_of(child), "", spot, step.scope, binds=True)
                )

    def _import_from(self, step: _Step) -> None:
        module = text_of(step.node.child_by_field_name("module_name")).replace(" ", "")
        for child in step.node.children_by_field_name("name"):
            aliased = child.type == "aliased_import"
            token = child.named_children[0] if aliased else child
            if aliased:
                self._bind(child.named_children[-1], step)
            else:
                step.scope.bind(text_of(token))
            if text_of(token) in self._names:
                spot = self._spot(token, step.offset)
                self.found.imports.append(
                    Imported(module, text_of(token), spot, step.scope, binds=not aliased)
                )

    def _declaration(self, step: _Step) -> None:
        is_global = step.node.type == "global_statement"
        for name in step.node.named_children:
            step.scope.declare(text_of(name), is_global=is_global)
            self._use(step._replace(node=name))

    def _assignment(self, step: _Step) -> None:
        """Also loops: what they have on their left is bound."""
        left = step.node.child_by_field_name("left")
        others = [child for child in step.node.named_children if child != left]
        if step.node.type == "type_alias_statement" and left is not None:
            left = left.named_children[0]
        self._target(left, step)
        is_list = text_of(left) == "__all__" and step.scope.kind == "module"
        self._push(others, step, mode="listed" if is_list else None)

    def _call(self, step: _Step) -> None:
        function = text_of(step.node.child_by_field_name("function"))
        is_list = function.startswith("__all__.") and step.scope.kind == "module"
        self._push(step.node.named_children, step, mode="listed" if is_list else None)

    def _walrus(self, step: _Step) -> None:
        scope = step.scope
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent
        name, value = step.node.named_children[0], step.node.named_children[-1]
        self._bind(name, step, scope)
        self._push([value], step)

    def _as_pattern(self, step: _Step) -> None:
        *values, target = step.node.named_children
        self._target(target, step)
        self._push(values, step)

    def _delete(self, step: _Step) -> None:
        for child in step.node.named_children:
            self._target(child, step)

    def _case(self, step: _Step) -> None:
        """A single name in a pattern is bound; one with a dot is looked up."""
        for child in step.node.named_children:
            if child.type == "dotted_name" and len(child.named_children) == 1:
                self._bind(child.named_children[0], step)
            else:
                self._push([child], step)

    def _capture(self, step: _Step) -> None:
        for child in step.node.named_children:
            self._target(child, step)

    def _type(self, step: _Step) -> None:
        self._push(step.node.named_children, step, mode="annotation")

    def _generic(self, step: _Step) -> None:
        head, *arguments = step.node.named_children
        self._push([head], step)
        if text_of(head).rpartition(".")[2] not in _NO_TYPES:
            self._push(arguments, step)
            return
        for argument in arguments:
            is_list = argument.type == "type_parameter"
            for node in argument.named_children if is_list else [argument]:
                self._push(node.named_children if node.type == "type" else [node], step, mode="")

    def _string(self, step: _Step) -> None:
        children = step.node.children
        if len(children) > 1 and children[0].type == "string_start":
            self._beginning(children[0].end_byte, children[1], step)
        inner = [child for child in children if child.type == "interpolation"]
        if inner:
            self._push(inner, step, mode="")
        elif len(children) > 1 and children[0].type == "string_start":
            self._content(children[0].end_byte, children[-1].start_byte, step)

    def _content(self, start: int, end: int, step: _Step) -> None:
        content = self._source[start + step.offset : end + step.offset]
        if not any(name in content for name in self._quoted):
            return
        if step.mode == "annotation" and b"\\" not in content:
            root = syntax_of(content)
            self._stack.append(_Step(root, step.scope, "annotation", start + step.offset))
            return
        text = content.decode(errors="replace")
        name = text[max(text.rfind("."), text.rfind(":")) + 1 :]
        if name in self._names:
            stop = end + step.offset
            spot = Spot(stop - len(name.encode()), stop, self._line(stop))
            is_listed = step.mode == "listed" and name == text
            self.found.strings.append(Quoted(name, spot, is_listed))

    def _beginning(self, start: int, content: Node, step: _Step) -> None:
        """`"visit_%s"`, `f"visit_{kind}"`: names that are put together while the program runs."""
        head = _FILLED.split(text_of(content), maxsplit=1)[0]
        stop = content.start_byte + len(head.encode()) + step.offset
        if content.type == "string_content" and _BEGINNING.fullmatch(head):
            self.found.strings += [
                Quoted(name, Spot(start + step.offset, stop, self._line(stop)), listed=False)
                for name in sorted(self._names)
                if name.startswith(head)
            ]

    def _line(self, place: int) -> int:
        return self._source.count(b"\n", 0, place) + 1
