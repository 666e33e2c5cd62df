"""The names, members, constants and conditions a file has in use: the ingredients of fixes."""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterable
from functools import cached_property

from selfheal.repair.source import FunctionNode, SourceFile

FAR = 10**6  # lines: farther than anything that is mentioned


class Vocabulary:
    """What one file offers as ingredients. Every answer is ordered, never by hash.

    `neighbours` are names that other files of the project define for others to use.
    """

    def __init__(self, source: SourceFile, neighbours: tuple[str, ...] = ()) -> None:
        self._source, self.neighbours = source, neighbours
        self._locals: dict[ast.AST, tuple[str, ...]] = {}

    def locals_of(self, function: FunctionNode) -> tuple[str, ...]:
        """Parameters, assigned names and loop variables, in order of appearance."""
        if function not in self._locals:
            self._locals[function] = tuple(dict.fromkeys(_bound_names(function)))
        return self._locals[function]

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """Functions defined or imported at module level."""
        return tuple(n.name for n in self._source.tree.body if isinstance(n, FunctionNode))

    @cached_property
    def classes(self) -> tuple[str, ...]:
        return tuple(n.name for n in self._source.tree.body if isinstance(n, ast.ClassDef))

    @cached_property
    def globals(self) -> tuple[str, ...]:
        """Variables assigned at module level."""
        found: list[str] = []
        for node in self._source.tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found.extend(t.id for t in targets if isinstance(t, ast.Name))
        return tuple(dict.fromkeys(found))

    @cached_property
    def imported(self) -> tuple[str, ...]:
        found: list[str] = []
        for node in self._source.nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                found.extend((alias.asname or alias.name).split(".")[0] for alias in node.names)
        return tuple(dict.fromkeys(found))

    @cached_property
    def builtins(self) -> tuple[str, ...]:
        """Builtins this file uses."""
        used = Counter(n.id for n in self._source.nodes if isinstance(n, ast.Name))
        return tuple(sorted(name for name in used if hasattr(builtins, name)))

    @cached_property
    def called(self) -> tuple[str, ...]:
        """Plain names that are called somewhere in the file."""
        calls = (n.func for n in self._source.nodes if isinstance(n, ast.Call))
        return tuple(dict.fromkeys(f.id for f in calls if isinstance(f, ast.Name)))

    @cached_property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """Attributes in use by the text of what they are taken from ('self', 'os.path', ...)."""
        found: dict[str, list[str]] = {}
        for node in self._source.nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
                found.setdefault(ast.unparse(node.value), []).append(node.attr)
        return {base: tuple(dict.fromkeys(names)) for base, names in found.items()}

    @cached_property
    def methods_in_use(self) -> tuple[str, ...]:
        """Names of methods called on anything in this file, the most used first."""
        calls = (n.func for n in self._source.nodes if isinstance(n, ast.Call))
        used = Counter(f.attr for f in calls if isinstance(f, ast.Attribute))
        return tuple(sorted(used, key=lambda name: (-used[name], name)))

    def members_of(self, owner: ast.ClassDef) -> tuple[str, ...]:
        """Methods, class variables and `self` attributes of a class."""
        found = [n.name for n in owner.body if isinstance(n, FunctionNode)]
        for node in ast.walk(owner):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id in ("self", "cls"):
                    found.append(node.attr)
            elif isinstance(node, ast.Name) and self._is_class_variable(node):
                found.append(node.id)
        return tuple(dict.fromkeys(found))

    def _is_class_variable(self, node: ast.Name) -> bool:
        return isinstance(node.ctx, ast.Store) and self._source.function_of(node) is None

    def strings(self, near: ast.AST) -> tuple[str, ...]:
        """Short strings of the same function first, then of the file; no docstrings."""
        function = self._source.function_of(near)
        here = _strings(ast.walk(function)) if function is not None else []
        return tuple(dict.fromkeys([*here, *self._all_strings]))

    def numbers(self, near: ast.AST) -> tuple[int | float, ...]:
        function = self._source.function_of(near)
        nodes = ast.walk(function) if function else self._source.nodes
        return tuple(dict.fromkeys(_numbers(nodes)))

    def conditions(self, near: ast.AST) -> tuple[ast.expr, ...]:
        """Conditions tested in the same function, then elsewhere in the file; no repeats."""
        function = self._source.function_of(near)
        here = _conditions(ast.walk(function)) if function is not None else []
        found: dict[str, ast.expr] = {}
        for node in [*here, *self._all_conditions]:
            found.setdefault(ast.dump(node), node)
        return tuple(found.values())

    @cached_property
    def _all_strings(self) -> list[str]:
        return _strings(self._source.nodes)

    @cached_property
    def _all_conditions(self) -> list[ast.expr]:
        return _conditions(self._source.nodes)

    def unbound_in(self, function: FunctionNode) -> tuple[str, ...]:
        """Names a function uses that nothing binds for it: their binding may be misspelt."""
        outer = [s for s in self._source.ancestors(function) if isinstance(s, FunctionNode)]
        bound = {name for step in [function, *outer] for name in self.locals_of(step)}
        bound |= {*self._shared, *dir(builtins)}
        used = (n for n in ast.walk(function) if isinstance(n, ast.Name))
        names = (n.id for n in used if isinstance(n.ctx, ast.Load) and n.id not in bound)
        return tuple(dict.fromkeys(names))

    @cached_property
    def unbound(self) -> tuple[str, ...]:
        """Names the file uses that nothing in it binds."""
        bound = {*_bound_names(self._source.tree), *self._shared, *dir(builtins)}
        used = (n for n in self._source.nodes if isinstance(n, ast.Name))
        names = (n.id for n in used if isinstance(n.ctx, ast.Load) and n.id not in bound)
        return tuple(dict.fromkeys(names))

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Names of module level that the file itself never reads."""
        names = (n for n in self._source.nodes if isinstance(n, ast.Name))
        read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
        known = (*self.classes, *self.functions, *self.globals, *self.imported)
        return tuple(name for name in dict.fromkeys(known) if name not in read)

    def distance(self, name: str, node: ast.expr) -> int:
        """Lines from a node to the nearest mention of a name; a wrong name is rarely far away."""
        lines = self._mentions.get(name, ())
        return min((abs(line - node.lineno) for line in lines), default=FAR)

    @cached_property
    def _mentions(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for node in self._source.nodes:
            if isinstance(node, ast.Name | ast.arg):
                name = node.id if isinstance(node, ast.Name) else node.arg
                found.setdefault(name, []).append(node.lineno)
        return found

    @cached_property
    def _shared(self) -> frozenset[str]:
        """Names every function of the file sees."""
        used = (n for n in self._source.nodes if isinstance(n, ast.Name))
        stored = (n for n in used if isinstance(n.ctx, ast.Store))
        names = (n.id for n in stored if self._source.function_of(n) is None)
        return frozenset((*names, *self.imported, *self.defined))

    @cached_property
    def defined(self) -> tuple[str, ...]:
        """Every function, method and class of the file."""
        found = (n.name for n in self._source.nodes if isinstance(n, FunctionNode | ast.ClassDef))
        return tuple(dict.fromkeys(found))

    def unread_in(self, function: FunctionNode) -> tuple[str, ...]:
        """Local names that are bound but read nowhere: one of them may be the name meant."""
        read = {
            n.id
            for n in ast.walk(function)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
        }
        return tuple(name for name in self.locals_of(function) if name not in read)

    @cached_property
    def unread_members(self) -> frozenset[str]:
        """Attributes that the file assigns and never reads."""
        members = [n for n in self._source.nodes if isinstance(n, ast.Attribute)]
        read = {n.attr for n in members if isinstance(n.ctx, ast.Load)}
        return frozenset(n.attr for n in members if isinstance(n.ctx, ast.Store)) - read

    @cached_property
    def keywords(self) -> tuple[str, ...]:
        """Parameter names given by keyword somewhere in the file."""
        found = (n.arg for n in self._source.nodes if isinstance(n, ast.keyword))
        return tuple(dict.fromkeys(name for name in found if name))

    def signature(self, name: str) -> ast.arguments | None:
        """Parameters of the only function of this name in the file."""
        found = self._signatures.get(name, ())
        return found[0] if len(found) == 1 else None

    @cached_property
    def _signatures(self) -> dict[str, list[ast.arguments]]:
        found: dict[str, list[ast.arguments]] = {}
        for node in self._source.nodes:
            if isinstance(node, FunctionNode):
                found.setdefault(node.name, []).append(node.args)
        return found


def _bound_names(function: ast.AST) -> Iterable[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name


def _strings(nodes: Iterable[ast.AST]) -> list[str]:
    listed = list(nodes)
    loose = {id(n.value) for n in listed if isinstance(n, ast.Expr)}
    return [
        n.value
        for n in listed
        if isinstance(n, ast.Constant)
        and isinstance(n.value, str)
        and id(n) not in loose
        and len(n.value) <= 40
    ]


def _numbers(nodes: Iterable[ast.AST]) -> list[int | float]:
    return [
        n.value
        for n in nodes
        if isinstance(n, ast.Constant)
        and isinstance(n.value, int | float)
        and not isinstance(n.value, bool)
    ]


def _conditions(nodes: Iterable[ast.AST]) -> list[ast.expr]:
    found: list[ast.expr] = []
    for node in nodes:
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            found.append(node.test)
        elif isinstance(node, ast.BoolOp):
            found.extend(node.values)
        elif isinstance(node, ast.comprehension):
            found.extend(node.ifs)
        elif isinstance(node, ast.Compare):
            found.append(node)
    return [n for n in found if not isinstance(n, ast.Constant | ast.NamedExpr)]
