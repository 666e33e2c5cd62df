"""Turns the matches of `queries/python.scm` into facts, one method per construct."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from selfheal.codegraph.expression import (
    ANNOTATED,
    ASSIGNED,
    COMPARISONS,
    Expressions,
    container_base,
    lambda_base,
    nested,
    operator_method,
    text_of,
)
from selfheal.codegraph.facts import (
    MERGED,
    RETURN,
    YIELD,
    Argument,
    Binding,
    Call,
    CallKind,
    Chain,
    Definition,
    DefinitionKind,
    FileFacts,
    Import,
    Left,
)
from selfheal.codegraph.matches import Captures, MatchReader, line_of, span_of
from selfheal.codegraph.patterns import PATTERNS, compared, paired

_NAMES: Final = frozenset({"identifier", "attribute", "subscript"})
_SPREADS: Final = {"list_splat": "*{}", "dictionary_splat": "**"}
_EMPTY: Final = frozenset({"pass_statement", "string", "ellipsis", "comment"})
_MAX_DEPTH: Final = 40


@dataclass(frozen=True, slots=True)
class _Filling:
    """Which argument a method puts into its container, under which key and by which steps."""

    position: str
    key: str = "[]"
    steps: Chain = ()


_FILLING: Final = {
    **dict.fromkeys((".append", ".add", ".appendleft"), _Filling("0")),
    **dict.fromkeys((".insert", ".setdefault"), _Filling("1")),
    **dict.fromkeys((".extend", ".extendleft"), _Filling("0", "[]", ("[]",))),
    ".update": _Filling("0", MERGED),
}


@dataclass(frozen=True, slots=True)
class _Scope:
    qualname: str
    kind: str
    body: int
    end: int


class Reader(MatchReader[_Scope]):
    """Collects the facts of one file; `read` wants matches in source order."""

    def __init__(self) -> None:
        super().__init__(_Scope("", "module", 0, 1 << 62))
        self._definitions: list[Definition] = []
        self._imports: list[Import] = []
        # Dicts for their order: one literal may be read from several sides.
        self._bindings: dict[Binding, None] = {}
        self._calls: dict[Call, None] = {}
        self._reads: set[tuple[str, Chain]] = set()
        self._declared: dict[tuple[str, str], str] = {}
        self._branches: dict[str, int] = {}
        self._expressions = Expressions(self._keep)
        self._readers = {
            "class": self._class,
            "function": self._function,
            "lambda": self._lambda,
            "global": self._global,
            "import": self._import,
            "import_from": self._import_from,
            "call": self._call,
            "raise": self._raise,
            "read": self._read,
            "operation": self._operation,
            "comparison": self._comparison,
            "item": self._item,
            "assignment": self._assignment,
            "loop": self._loop,
            "with": self._with,
            "caught": self._caught,
            "return": self._return,
            "yield": self._yield,
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
            bindings=tuple(map(self._redirected, self._bindings)),
            calls=tuple(self._calls),
        )

    def _scope_of(self, node: Node) -> _Scope:
        """The scope whose body holds `node`: a header belongs to the scope around it."""
        return next(scope for scope in reversed(self._scopes) if scope.body <= node.start_byte)

    def _class(self, node: Node, captures: Captures) -> None:
        scope = self._scope_of(node).qualname
        bases = captures["bases"][0].named_children if "bases" in captures else []
        chains = [
            chain
            for base in bases
            if base.type != "keyword_argument"
            for chain in self._expressions.chains(_without_subscript(base), scope)
        ]
        self._define(node, captures["name"][0], kind="class", bases=tuple(chains))

    def _function(self, node: Node, captures: Captures) -> None:
        scope = self._scope_of(node)
        kind: DefinitionKind = "method" if scope.kind == "class" else "function"
        parameters = captures["parameters"][0].named_children
        qualname = self._define(
            node, captures["name"][0], kind=kind, parameters=tuple(_parameter_names(parameters))
        )
        self._parameters(parameters, qualname, scope.qualname)
        if "returns" in captures:
            self._annotate(qualname, RETURN, captures["returns"][0], scope.qualname)

    def _lambda(self, node: Node, _: Captures) -> None:
        scope = self._scope_of(node).qualname
        qualname = lambda_base(node, scope).removeprefix("def:")
        header = node.child_by_field_name("parameters")
        body = node.child_by_field_name("body")
        parameters = header.named_children if header is not None else []
        names = tuple(_parameter_names(parameters))
        self._definitions.append(Definition(qualname, "lambda", span_of(node), parameters=names))
        self._open(qualname, "lambda", body or node, node)
        self._parameters(parameters, qualname, scope)
        self._bind((RETURN,), self._expressions.chains(body, qualname), qualname)

    def _define(
        self,
        node: Node,
        name: Node,
        *,
        kind: DefinitionKind,
        bases: tuple[Chain, ...] = (),
        parameters: tuple[str, ...] = (),
    ) -> str:
        scope = self._scope_of(node).qualname
        qualname = nested(scope, text_of(name))
        whole, decorators = _with_decorators(node)
        applied = [
            chain
            for decorator in decorators
            for chain in self._expressions.chains(decorator.named_children[0], scope)
        ]
        self._definitions.append(
            Definition(
                qualname,
                kind,
                span_of(whole),
                bases=bases,
                decorators=tuple(applied),
                parameters=parameters,
                is_fallback=_is_handling(whole),
                left=_left(node.child_by_field_name("body")),
            )
        )
        for chain in applied:
            self._calls[Call(scope, chain, line_of(node), (), "decorator")] = None
        self._open(qualname, kind, node.child_by_field_name("body") or node, node)
        return qualname

    def _open(self, qualname: str, kind: str, body: Node, node: Node) -> None:
        self._scopes.append(_Scope(qualname, kind, body.start_byte, node.end_byte))

    def _parameters(self, parameters: list[Node], qualname: str, scope: str) -> None:
        for parameter, name in zip(parameters, map(_parameter_name, parameters), strict=True):
            annotation = parameter.child_by_field_name("type")
            if annotation is not None and not name.startswith("*"):
                self._annotate(qualname, name, annotation, scope)
            default = self._expressions.chains(parameter.child_by_field_name("value"), scope)
            for value in default:
                self._keep(Binding(qualname, (name,), value, scope, ANNOTATED))

    def _annotate(self, scope: str, name: str, annotation: Node, value_scope: str) -> None:
        for value in self._expressions.annotation(annotation, value_scope):
            self._keep(Binding(scope, (name,), value, value_scope, ANNOTATED, is_type=True))

    def _global(self, node: Node, _: Captures) -> None:
        scope = self._scope_of(node).qualname
        outer = "" if node.type == "global_statement" else scope.rpartition(".")[0]
        for name in node.named_children:
            self._declared[scope, text_of(name)] = outer

    def _redirected(self, binding: Binding) -> Binding:
        """`binding` in the scope that a `global` or `nonlocal` statement names."""
        declared = self._declared.get((binding.scope, binding.target[0]))
        return binding if declared is None else binding._replace(scope=declared)

    def _import(self, node: Node, _: Captures) -> None:
        scope = self._scope_of(node).qualname
        for module, alias in map(_aliased, node.named_children):
            self._imports.append(Import(scope, module, "", line_of(node)))
            # `import a.b` binds `a`; `import a.b as c` binds what is at the end of the path.
            bound = module if alias else module.partition(".")[0]
            self._bind((alias or bound,), ((f"import:{bound}",),), scope, confidence=1.0)

    def _import_from(self, node: Node, captures: Captures) -> None:
        scope = self._scope_of(node).qualname
        module = text_of(captures["module"][0]).replace(" ", "")
        for child in node.named_children[1:]:
            name, alias = ("*", "") if child.type == "wildcard_import" else _aliased(child)
            self._imports.append(Import(scope, module, name, line_of(child)))
            if name != "*":
                value = (f"import:{module}", f".{name}")
                self._bind((alias or name,), (value,), scope, confidence=1.0)

    def _call(self, node: Node, captures: Captures) -> None:
        scope = self._scope_of(node).qualname
        arguments = tuple(self._arguments(captures["arguments"][0], scope))
        for target in self._expressions.chains(captures["target"][0], scope):
            self._calls[Call(scope, target, line_of(node), arguments)] = None
            self._fill(target, arguments, scope)

    def _fill(self, target: Chain, arguments: tuple[Argument, ...], scope: str) -> None:
        """What a call of a container's method puts into it."""
        filled = _FILLING.get(target[-1]) if len(target) > 1 else None
        for argument in arguments if filled else ():
            if filled is not None and argument.key == filled.position:
                owner = (*target[:-1], filled.key)
                self._bind(owner, ((*argument.value, *filled.steps),), scope)

    def _arguments(self, node: Node, scope: str) -> Iterator[Argument]:
        children = node.named_children if node.type == "argument_list" else [node]
        for position, child in enumerate(child for child in children if child.type != "comment"):
            key, value = str(position), child
            if child.type in _SPREADS:
                key, value = _SPREADS[child.type].format(position), child.named_children[0]
            if child.type == "keyword_argument":
                name, value = child.named_children[0], child.named_children[-1]
                key = text_of(name)
            for chain in self._expressions.chains(value, scope):
                yield Argument(key, chain)
            if child.type == "list_splat":
                return

    def _raise(self, node: Node, captures: Captures) -> None:
        raised = captures["raised"][0]
        if raised.type != "call":
            self._ask(raised, (), node)

    def _read(self, node: Node, _: Captures) -> None:
        parent = node.parent
        if parent is not None and parent.type == "call" and parent.child(0) == node:
            return
        scope = self._scope_of(node).qualname
        for chain in self._expressions.chains(node, scope):
            if (scope, chain) not in self._reads:
                self._reads.add((scope, chain))
                self._calls[Call(scope, chain, line_of(node), (), "read")] = None

    def _operation(self, node: Node, captures: Captures) -> None:
        method = operator_method(node)
        if method:
            self._ask(captures["target"][0], (method,), node)

    def _comparison(self, node: Node, _: Captures) -> None:
        for left, sign, right in compared(node):
            if sign.endswith("in"):
                self._ask(right, (".__contains__",), node)
            elif sign in COMPARISONS:
                self._ask(left, (COMPARISONS[sign],), node)

    def _item(self, node: Node, captures: Captures) -> None:
        parent = node.parent
        kind = parent.type if parent is not None else ""
        is_left = parent is not None and parent.child_by_field_name("left") == node
        method = ".__setitem__" if kind == "assignment" and is_left else ".__getitem__"
        method = ".__delitem__" if kind == "delete_statement" else method
        self._ask(captures["target"][0], (method,), node)

    def _ask(self, node: Node, steps: Chain, place: Node) -> None:
        """A call that a protocol makes on the value of `node`."""
        scope = self._scope_of(place).qualname
        kind: CallKind = "protocol"
        for chain in self._expressions.chains(node, scope):
            self._calls[Call(scope, (*chain, *steps), line_of(place), (), kind)] = None

    def _assignment(self, node: Node, captures: Captures) -> None:
        scope, target = self._scope_of(node).qualname, captures["target"][0]
        value = captures["value"][0] if "value" in captures else None
        self._assign(target, value, scope)
        if "type" in captures:
            instances = self._expressions.annotation(captures["type"][0], scope)
            for chain in self._expressions.chains(target, scope) if instances else ():
                self._bind(chain, instances, scope, confidence=ANNOTATED)

    def _loop(self, node: Node, captures: Captures) -> None:
        scope, iterated = self._scope_of(node).qualname, captures["iterated"][0]
        self._ask(iterated, (".__iter__",), node)
        self._ask(iterated, (".__iter__", "()", ".__next__"), node)
        values = self._expressions.chains(iterated, scope)
        elements = tuple((*chain, "[]") for chain in values)
        self._bind_pattern(captures["target"][0], elements, scope)

    def _with(self, node: Node, captures: Captures) -> None:
        scope, value = self._scope_of(node).qualname, captures["value"][0]
        if value.type == "as_pattern":
            target = value.named_children[-1].named_children[0]
            value = value.named_children[0]
            entered = self._expressions.chains(value, scope)
            self._bind_pattern(target, tuple((*chain, "with") for chain in entered), scope)
        for method in (".__enter__", ".__exit__", ".__aenter__", ".__aexit__"):
            self._ask(value, (method,), node)

    def _caught(self, node: Node, captures: Captures) -> None:
        scope, caught = self._scope_of(node).qualname, captures["value"][0]
        kinds = caught.named_children if caught.type == "tuple" else [caught]
        instances = [
            (*chain, "()") for kind in kinds for chain in self._expressions.chains(kind, scope)
        ]
        self._bind_pattern(captures["target"][0], tuple(instances), scope)

    def _return(self, node: Node, captures: Captures) -> None:
        scope = self._scope_of(node).qualname
        self._bind((RETURN,), self._expressions.chains(captures["value"][0], scope), scope)

    def _yield(self, node: Node, _: Captures) -> None:
        scope = self._scope_of(node).qualname
        values = [
            chain
            for child in node.named_children
            for chain in self._expressions.chains(child, scope)
        ]
        if any(child.type == "from" for child in node.children):
            values = [(*chain, "[]") for chain in values]
        self._bind((YIELD,), tuple(values), scope)

    def _branch(self, node: Node, _: Captures) -> None:
        scope = self._scope_of(node).qualname
        self._branches[scope] = self._branches.get(scope, 0) + 1

    def _assign(self, target: Node, value: Node | None, scope: str, *, depth: int = 0) -> None:
        """Binds `target = value`, part by part where both are written out."""
        if value is not None and value.type == "assignment":  # a = b = value
            self._assign(target, value.child_by_field_name("right"), scope, depth=depth)
            return
        pairs = paired(target, value) if value is not None and depth < _MAX_DEPTH else None
        if pairs is None:
            self._bind_pattern(target, self._expressions.chains(value, scope), scope)
            return
        for part, given in pairs:
            if part.type == "list_splat_pattern":
                self._gather(part, given, scope)
            else:
                self._assign(part, given[0], scope, depth=depth + 1)

    def _gather(self, starred: Node, given: list[Node], scope: str) -> None:
        """Binds `*target` to a list of what is left for it."""
        base = container_base(starred, "list")
        for index, value in enumerate(given):
            self._bind((base, f"[{index}]"), self._expressions.chains(value, scope), scope)
        self._bind_pattern(starred.named_children[0], ((base,),), scope)

    def _bind_pattern(self, target: Node, values: tuple[Chain, ...], scope: str) -> None:
        if target.type in _NAMES:
            for chain in self._expressions.chains(target, scope):
                self._bind(chain, values, scope)
        elif target.type in PATTERNS:
            is_exact = True
            for index, child in enumerate(target.named_children):
                if child.type == "list_splat_pattern":
                    is_exact = False
                    base = container_base(child, "list")
                    self._bind((base, "[]"), [(*chain, "[]") for chain in values], scope)
                    self._bind_pattern(child.named_children[0], ((base,),), scope)
                else:
                    step = f"[{index}]" if is_exact else "[]"
                    self._bind_pattern(child, tuple((*chain, step) for chain in values), scope)

    def _bind(
        self, target: Chain, values: Iterable[Chain], scope: str, *, confidence: float = ASSIGNED
    ) -> None:
        # A name bound to something unknown still hides the same name further out.
        for value in tuple(values) or ((),):
            self._keep(Binding(scope, target, value, scope, confidence))

    def _keep(self, binding: Binding) -> None:
        self._bindings[binding] = None


def _with_decorators(node: Node) -> tuple[Node, list[Node]]:
    parent = node.parent
    if parent is None or parent.type != "decorated_definition":
        return node, []
    return parent, [child for child in parent.named_children if child.type == "decorator"]


def _is_handling(node: Node) -> bool:
    """Whether a statement stands right in an `except` clause."""
    around = node.parent.parent if node.parent is not None else None
    return around is not None and around.type == "except_clause"


def _left(body: Node | None) -> Left:
    """In what way a body leaves it to others to do something."""
    statements = body.named_children if body is not None else []
    done = [one for one in statements if not _is_empty(one)]
    if not done:
        return "empty"
    return "raises" if all(map(_is_refusal, done)) else ""


def _is_empty(statement: Node) -> bool:
    if statement.type == "expression_statement":
        return all(child.type in _EMPTY for child in statement.named_children)
    return statement.type in _EMPTY


def _is_refusal(statement: Node) -> bool:
    raised = statement.named_children[:1] if statement.type == "raise_statement" else []
    return any(text_of(one).startswith("NotImplementedError") for one in raised)


def _without_subscript(base: Node) -> Node:
    """`Generic` of `Generic[T]`."""
    value = base.child_by_field_name("value") if base.type == "subscript" else None
    return value if value is not None else base


def _aliased(node: Node) -> tuple[str, str]:
    """Name and alias of one imported thing."""
    if node.type != "aliased_import":
        return text_of(node), ""
    return text_of(node.named_children[0]), text_of(node.named_children[-1])


def _parameter_names(parameters: list[Node]) -> Iterator[str]:
    return (name for name in map(_parameter_name, parameters) if name)


def _parameter_name(parameter: Node) -> str:
    """The name with its stars; a bare `*` for the keyword separator, empty for `/`."""
    match parameter.type:
        case "identifier" | "list_splat_pattern" | "dictionary_splat_pattern":
            return text_of(parameter)
        case "keyword_separator":
            return "*"
        case "default_parameter" | "typed_default_parameter" | "typed_parameter":
            return _parameter_name(parameter.named_children[0])
        case _:
            return ""
