"""Python expressions as chains: what a value may be, as far as the text shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from tree_sitter import Node

from selfheal.codegraph.builtin import THROUGH
from selfheal.codegraph.facts import MERGED, Binding, Chain

ASSIGNED: Final = 0.9
ANNOTATED: Final = 0.8

# Far beyond what people write; keeps recursion bounded on generated or hostile text.
_MAX_DEPTH: Final = 40
_MAX_ELEMENTS: Final = 200

_TRANSPARENT: Final = frozenset({"parenthesized_expression", "await", "type", "list_splat"})
_SEQUENCES: Final = frozenset({"list", "tuple", "set", "expression_list", "pattern_list"})
_COMPREHENSIONS: Final = frozenset(
    {"list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"}
)
_TYPES: Final = {
    "dictionary": "dict",
    "set": "set",
    "list": "list",
    "list_comprehension": "list",
    "set_comprehension": "set",
    "dictionary_comprehension": "dict",
    "generator_expression": "generator",
}
_PREFIX: Final = re.compile(r"[A-Za-z]*")
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
_ANNOTATED_TYPES: Final = {
    **dict.fromkeys(("set", "frozenset"), "set"),
    **dict.fromkeys((name.lower() for name in _MAPPINGS), "dict"),
    "tuple": "tuple",
}
_NAMES: Final = frozenset({"identifier", "attribute"})
_ARITHMETIC: Final = {
    **{"+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod"},
    **{"**": "pow", "@": "matmul", "&": "and", "|": "or", "^": "xor", "<<": "lshift"},
    ">>": "rshift",
}
OPERATORS: Final = {
    **{sign: f".__{name}__" for sign, name in _ARITHMETIC.items()},
    **{f"{sign}=": f".__i{name}__" for sign, name in _ARITHMETIC.items()},
}
"""The special method of an operation's left side, as a step."""
COMPARISONS: Final = {
    **{"==": ".__eq__", "!=": ".__ne__", "<": ".__lt__", "<=": ".__le__"},
    **{">": ".__gt__", ">=": ".__ge__"},
}
"""The special method of a comparison's left side, as a step."""


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
                owner = node.child_by_field_name("object")
                if owner is not None and owner.type == "string":
                    return ((f"value:{_string_type(owner)}", step),)
                return self._extended(owner, scope, step, deeper)
            case "call":
                return self._called(node, scope, deeper)
            case "subscript":
                step = item_step(node.child_by_field_name("subscript"))
                return self._extended(node.child_by_field_name("value"), scope, step, deeper)
            case "binary_operator" if operator_method(node):
                left = node.child_by_field_name("left")
                operated = self._extended(left, scope, operator_method(node), deeper)
                return tuple((*chain, "()") for chain in operated)
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
            case kind if kind in _TYPES or kind in _SEQUENCES:
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

    def _called(self, node: Node, scope: str, depth: int) -> tuple[Chain, ...]:
        """What a call gives: a result, or for some builtins what they were given."""
        function = node.child_by_field_name("function")
        found = self._extended(function, scope, "()", depth)
        name = text_of(function) if function and function.type in _NAMES else ""
        arguments = node.child_by_field_name("arguments")
        given = _positional(arguments) if name.rpartition(".")[2] in THROUGH else []
        if not given:
            return found
        through = self._extended(given[0], scope, f"via:{name}", depth)
        if name == "getattr":
            key = text_of(given[1])[1:-1] if given[1:] and given[1].type == "string" else ""
            through = tuple((*chain, f".{key}") for chain in through) if key.isidentifier() else ()
            through += self._extended(given[2], scope, f"via:{name}", depth) if given[2:] else ()
        return (*found, *through)

    def _any_of(self, nodes: Iterable[Node], scope: str, depth: int) -> tuple[Chain, ...]:
        return tuple(chain for node in nodes for chain in self.chains(node, scope, depth=depth))

    def _container(self, node: Node, scope: str, depth: int) -> tuple[Chain, ...]:
        base = container_base(node, _TYPES.get(node.type, "tuple"))
        for key, value in _elements(node):
            steps = ("[]",) if value is not None and value.type == "list_splat" else ()
            for chain in self.chains(value, scope, depth=depth):
                self._emit(Binding(scope, (base, key), (*chain, *steps), scope, ASSIGNED))
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
            base = container_base(node, _ANNOTATED_TYPES.get(name.lower(), "list"))
            for chain in self.annotation(element, scope, depth=depth):
                self._emit(Binding(scope, (base, "[]"), chain, scope, ANNOTATED))
            return ((base,),)
        return self.annotation(outer, scope, depth=depth)


def operator_method(node: Node) -> str:
    """The step to the special method of an operation; empty where it is none of an instance."""
    return OPERATORS.get(text_of(node.child_by_field_name("operator")), "")


def item_step(subscript: Node | None) -> str:
    """`[0]` or `['a']` for a literal key, `[1:]` for a slice, `[]` for any other."""
    if subscript is not None and subscript.type == "slice":
        return f"[{_slice_start(subscript)}:]"
    if subscript is not None and subscript.type in ("integer", "string"):
        return f"[{_key(subscript)}]"
    return "[]"


def lambda_base(node: Node, scope: str) -> str:
    """The base that names the lambda `node` written in `scope`."""
    return "def:" + nested(scope, f"<lambda {place_of(node)}>")


def container_base(node: Node, kind: str) -> str:
    """The base that names the container of a builtin type that `node` makes."""
    return f"at:{kind}:{place_of(node)}"


def nested(scope: str, name: str) -> str:
    """The qualname of `name` inside `scope`."""
    return f"{scope}.{name}" if scope else name


def _elements(node: Node) -> Iterator[tuple[str, Node | None]]:
    if node.type in _COMPREHENSIONS:
        body = node.child_by_field_name("body")
        is_pair = body is not None and body.type == "pair"
        yield "[]", body.child_by_field_name("value") if body and is_pair else body
        return
    for index, child in enumerate(node.named_children[:_MAX_ELEMENTS]):
        if child.type == "pair":
            yield item_step(child.child_by_field_name("key")), child.child_by_field_name("value")
        elif child.type == "dictionary_splat":
            yield MERGED, child.named_children[0]
        elif node.type == "set" or child.type == "list_splat":
            yield "[]", child
        else:
            yield f"[{index}]", child


def _positional(arguments: Node | None) -> list[Node]:
    if arguments is None or arguments.type != "argument_list":
        return []
    named = [child for child in arguments.named_children if child.type != "comment"]
    splats = ("list_splat", "dictionary_splat", "keyword_argument")
    return [child for child in named if child.type not in splats]


def _slice_start(node: Node) -> str:
    """Where a slice begins; `?` when the text does not tell."""
    start = node.children[0]
    if start.type == ":":
        return "0"
    return text_of(start) if start.type == "integer" and text_of(start).isdigit() else "?"


def _string_type(literal: Node) -> str:
    found = _PREFIX.match(text_of(literal))
    return "bytes" if found is not None and "b" in found.group().lower() else "str"


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
