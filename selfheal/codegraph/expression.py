"""Python expressions as chains: what a value may be, as far as the text shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from tree_sitter import Node

from selfheal.codegraph.facts import Binding, Chain

ASSIGNED: Final = 0.9
ANNOTATED: Final = 0.8

# Far beyond what people write; keeps recursion bounded on generated or hostile text.
_MAX_DEPTH: Final = 40
_MAX_ELEMENTS: Final = 200

_TRANSPARENT: Final = frozenset({"parenthesized_expression", "await", "type", "list_splat"})
_SEQUENCES: Final = frozenset({"list", "tuple", "set", "expression_list", "pattern_list"})
_COMPREHENSIONS: Final = frozenset(
    {"list_comprehension", "set_comprehension", "generator_expression"}
)
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

# What the outer name of `Outer[X]` says about X.
_WRAPPERS: Final = frozenset(
    {"Optional", "Union", "Annotated", "Final", "ClassVar", "Required", "NotRequired", "Awaitable"}
)
_ELEMENTS: Final = frozenset(
    {"list", "List", "set", "Set", "frozenset", "FrozenSet", "tuple", "Tuple", "deque", "Deque"}
    | {"Sequence", "MutableSequence", "Collection", "Iterable", "Iterator", "Generator"}
    | {"AsyncIterable", "AsyncIterator", "AsyncGenerator"}
)
_MAPPINGS: Final = frozenset(
    {"dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "DefaultDict", "OrderedDict"}
)


def text_of(node: Node | None) -> str:
    """The source text of `node`; empty for None."""
    return (node.text or b"").decode(errors="replace") if node is not None else ""


def place_of(node: Node) -> str:
    """A name for an anonymous thing: its line and column."""
    return f"{node.start_point.row + 1}:{node.start_point.column}"


class Expressions:
    """Reads the expressions of one file; what a literal holds goes to `emit` as bindings."""

    def __init__(self, emit: Callable[[Binding], None]) -> None:
        self._emit = emit

    def chains(self, node: Node | None, scope: str, *, depth: int = 0) -> tuple[Chain, ...]:
        """Every chain that the expression may stand for; none where the text does not tell."""
        if node is None or depth > _MAX_DEPTH:
            return ()
        deeper = depth + 1
        match node.type:
            case "identifier":
                return ((text_of(node),),)
            case "attribute":
                step = "." + text_of(node.child_by_field_name("attribute"))
                return self._extended(node.child_by_field_name("object"), scope, step, deeper)
            case "call":
                return self._extended(node.child_by_field_name("function"), scope, "()", deeper)
            case "subscript":
                step = item_step(node.child_by_field_name("subscript"))
                return self._extended(node.child_by_field_name("value"), scope, step, deeper)
            case "conditional_expression":
                return self._any_of(node.named_children[::2], scope, deeper)
            case "boolean_operator":
                return self._any_of(node.named_children, scope, deeper)
            case "named_expression":
                return self.chains(node.child_by_field_name("value"), scope, depth=deeper)
            case "assignment":
                return self.chains(node.child_by_field_name("right"), scope, depth=deeper)
            case "lambda":
                return ((lambda_base(node, scope),),)
            case kind if kind in _TRANSPARENT:
                return self._any_of(node.named_children[:1], scope, deeper)
            case kind if kind in _SEQUENCES or kind in _COMPREHENSIONS or kind == "dictionary":
                return self._container(node, scope, deeper)
            case _:
                return ()

    def annotation(self, node: Node | None, scope: str, *, depth: int = 0) -> tuple[Chain, ...]:
        """What a value annotated with the type `node` is: instances, as chains."""
        if node is None or depth > _MAX_DEPTH:
            return ()
        deeper = depth + 1
        match node.type:
            case "identifier" | "attribute":
                return tuple((*chain, "()") for chain in self.chains(node, scope, depth=deeper))
            case "string":
                return _quoted_annotation(text_of(node))
            case "binary_operator":  # X | None
                return tuple(
                    chain
                    for child in node.named_children
                    for chain in self.annotation(child, scope, depth=deeper)
                )
            case "generic_type":
                outer, arguments = node.named_children[0], node.named_children[-1].named_children
                return self._generic(node, outer, arguments, scope, deeper)
            case "subscript":  # typing.Optional[X] is an expression to the grammar
                outer, *arguments = node.named_children
                return self._generic(node, outer, arguments, scope, deeper)
            case "type":
                return self.annotation(node.named_children[0], scope, depth=deeper)
            case _:
                return ()

    def _extended(self, node: Node | None, scope: str, step: str, depth: int) -> tuple[Chain, ...]:
        return tuple((*chain, step) for chain in self.chains(node, scope, depth=depth))

    def _any_of(self, nodes: Iterable[Node], scope: str, depth: int) -> tuple[Chain, ...]:
        return tuple(chain for node in nodes for chain in self.chains(node, scope, depth=depth))

    def _container(self, node: Node, scope: str, depth: int) -> tuple[Chain, ...]:
        base = f"at:{place_of(node)}"
        for key, value in _elements(node):
            for chain in self.chains(value, scope, depth=depth):
                self._emit(Binding(scope, (base, key), chain, scope, ASSIGNED))
        return ((base,),)

    def _generic(
        self, node: Node, outer: Node, arguments: list[Node], scope: str, depth: int
    ) -> tuple[Chain, ...]:
        name = text_of(outer).rpartition(".")[2]
        if name in _WRAPPERS:
            return tuple(
                chain
                for argument in arguments
                for chain in self.annotation(argument, scope, depth=depth)
            )
        if name in ("type", "Type"):
            instances = self.annotation(arguments[0], scope, depth=depth) if arguments else ()
            return tuple(chain[:-1] for chain in instances)
        if name in _ELEMENTS or name in _MAPPINGS:
            element = arguments[-1] if name in _MAPPINGS else arguments[0]
            base = f"at:{place_of(node)}"
            for chain in self.annotation(element, scope, depth=depth):
                self._emit(Binding(scope, (base, "[]"), chain, scope, ANNOTATED))
            return ((base,),)
        return self.annotation(outer, scope, depth=depth)


def item_step(subscript: Node | None) -> str:
    """`[0]` or `['a']` for a literal key, `[]` for any other."""
    if subscript is not None and subscript.type in ("integer", "string"):
        return f"[{_key(subscript)}]"
    return "[]"


def lambda_base(node: Node, scope: str) -> str:
    """The base that names the lambda `node` written in `scope`."""
    return "def:" + nested(scope, f"<lambda {place_of(node)}>")


def nested(scope: str, name: str) -> str:
    """The qualname of `name` inside `scope`."""
    return f"{scope}.{name}" if scope else name


def _elements(node: Node) -> Iterator[tuple[str, Node | None]]:
    if node.type in _COMPREHENSIONS:
        yield "[]", node.child_by_field_name("body")
        return
    for index, child in enumerate(node.named_children[:_MAX_ELEMENTS]):
        if child.type == "pair":
            yield item_step(child.child_by_field_name("key")), child.child_by_field_name("value")
        elif node.type == "set" or child.type in ("list_splat", "dictionary_splat"):
            yield "[]", child
        else:
            yield f"[{index}]", child


def _key(literal: Node) -> str:
    text = text_of(literal)
    return f"'{text[1:-1]}'" if literal.type == "string" else text


def _quoted_annotation(literal: str) -> tuple[Chain, ...]:
    """A forward reference: the dotted names of a string, builtin wrappers and None left out."""
    inner = literal.strip("\"'")
    found = _DOTTED.fullmatch(inner.removesuffix("| None").strip())
    if found is None:
        return ()
    first, *rest = found.group().split(".")
    return ((first, *(f".{name}" for name in rest), "()"),)
