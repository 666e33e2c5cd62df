"""A wrong name: variable, function, attribute, method, parameter, exception."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

from selfheal.repair.source import FunctionNode
from selfheal.repair.templates.place import Change, Place, Template

# Siblings that are taken for one another; every word stands for every other of its row.
SIBLINGS = (
    "min max sum len",
    "any all",
    "sorted reversed list tuple set frozenset iter",
    "int float str round repr bool abs",
    "dict list set tuple",
    "map filter zip enumerate",
    "isinstance issubclass",
    "getattr hasattr setattr",
    "ord chr",
    "append extend add insert update appendleft",
    "extend extendleft",
    "pop popleft popitem remove discard get",
    "keys values items",
    "lower upper title capitalize swapcase casefold",
    "strip lstrip rstrip",
    "split rsplit splitlines partition rpartition",
    "partition rpartition",
    "find rfind index rindex count",
    "startswith endswith",
    "isdigit isalpha isalnum isnumeric isdecimal isspace isupper islower istitle isidentifier",
    "ljust rjust center zfill",
    "union intersection difference symmetric_difference update",
    "issubset issuperset isdisjoint",
    "sort reverse",
    "match search fullmatch findall finditer",
    "sub subn",
    "group groups groupdict span start end",
    "floor ceil trunc fabs sqrt",
    "sin cos tan",
    "log log2 log10 exp",
    "lt le gt ge eq ne",
    "add sub mul truediv floordiv mod",
    "itemgetter attrgetter methodcaller",
    "chain product permutations combinations",
    "takewhile dropwhile filterfalse",
    "bisect_left bisect_right bisect insort",
    "encode decode",
    "read readline readlines write",
    "dirname basename split splitext join",
    "exists isfile isdir",
    "year month day hour minute second microsecond",
    "days seconds microseconds",
    "replace translate",
    "removeprefix removesuffix",
    "__name__ __qualname__ __doc__ __module__",
    "args kwargs",
    "left right",
    "start stop step end",
    "width height",
    "x y z",
    "first last",
    "key value",
    "row column col",
    "lower_bound upper_bound",
    "head tail",
    "prev next",
    "parent child children",
    "IGNORECASE MULTILINE VERBOSE DOTALL UNICODE ASCII",
    "I M X S U A",
)
MOST_NAMES = 24
ALIKE = 0.7


def siblings(name: str) -> tuple[str, ...]:
    """Names that stand in the same row, in order."""
    rows = (row.split() for row in SIBLINGS)
    found = [other for row in rows if name in row for other in row if other != name]
    return tuple(dict.fromkeys(found))


def by_closeness(name: str, others: Iterable[str]) -> list[str]:
    """Other names, siblings and look-alikes first; otherwise in the given order."""
    known = siblings(name)
    listed = [other for other in dict.fromkeys(others) if other != name]
    return sorted(listed, key=lambda other: (other not in known, -_likeness(name, other)))


def _likeness(one: str, other: str) -> float:
    return round(SequenceMatcher(None, one, other, autojunk=False).ratio(), 1)


def variables(place: Place) -> Iterator[Change]:
    """Another local name; in code that is not a call's function."""
    node = place.node
    assert isinstance(node, ast.Name)
    if not isinstance(node.ctx, ast.Load) or _is_called(place, node):
        return
    if _is_class_wanted(place, node):
        yield from _ranked(place, node, _classes(place, node), 1.0, most=24)
    function = place.source.function_of(node)
    chain = [s for s in [node, *place.source.ancestors(node)] if isinstance(s, FunctionNode)]
    inside = [name for step in chain for name in place.vocabulary.locals_of(step)]
    unread = [name for step in chain for name in place.vocabulary.unread_in(step)]
    order = dict.fromkeys([*_nearest(place, node, unread), *_nearest(place, node, inside)])
    for rank, name in enumerate(list(order)[:MOST_NAMES]):
        yield place.replaced(node, name, max(0.3, 1.0 - 0.08 * rank))
    if node.id not in inside or function is None:
        yield from _ranked(place, node, _same_kind(place, node.id), 0.9)
    elif node.id in inside:
        words = place.vocabulary
        yield from _ranked(place, node, words.unread, 0.6, most=8)
        yield from _ranked(place, node, words.globals, 0.4, most=30)
        yield from _ranked(place, node, [*words.builtins, *words.functions], 0.3, most=12)
        yield from _ranked(place, node, [*words.classes, *words.imported], 0.3, most=12)


def functions(place: Place) -> Iterator[Change]:
    """Another function of the same kind, where one is called or passed on."""
    node = place.node
    assert isinstance(node, ast.Name)
    if isinstance(node.ctx, ast.Load) and _is_called(place, node):
        if isinstance(place.source.parent.get(place.source.parent[node]), ast.Raise):
            yield from _ranked(place, node, _exceptions(place), 0.9)
        yield from _ranked(place, node, place.vocabulary.unread, 0.8, most=12)
        yield from _ranked(place, node, _same_kind(place, node.id), 0.9, most=45)
        function = place.source.function_of(node)
        if function is not None and node.id in place.vocabulary.locals_of(function):
            yield from _ranked(place, node, place.vocabulary.locals_of(function), 0.7)


def _ranked(
    place: Place, node: ast.Name, names: Iterable[str], best: float, *, most: int = MOST_NAMES
) -> Iterator[Change]:
    for rank, name in enumerate(_nearest(place, node, names)[:most]):
        yield place.replaced(node, name, max(0.2, best - 0.05 * rank))


def _nearest(place: Place, node: ast.Name, names: Iterable[str]) -> list[str]:
    """Siblings and look-alikes first, then by how near the name is mentioned."""

    def key(name: str) -> tuple[bool, int]:
        alike = name in known or _likeness(node.id, name) >= ALIKE
        return not alike, place.vocabulary.distance(name, node)

    known = siblings(node.id)
    return sorted((name for name in dict.fromkeys(names) if name != node.id), key=key)


def _same_kind(place: Place, name: str) -> list[str]:
    words = place.vocabulary
    thing = getattr(builtins, name, None)
    if isinstance(thing, type) and issubclass(thing, BaseException):
        return [*_exceptions(place), *words.classes]
    if name in words.classes:
        return [*words.classes, *words.imported]
    if name in words.globals:
        return [*words.globals, *words.imported]
    known = [*siblings(name), *words.functions, *words.called, *words.imported, *words.builtins]
    return [*known, *words.classes, *words.globals]


def _is_class_wanted(place: Place, node: ast.Name) -> bool:
    """True for the classes in `isinstance(x, C)`, `super(C, self)` and `except C`."""
    parent = place.source.parent.get(node)
    if isinstance(parent, ast.Tuple):
        parent = place.source.parent.get(parent)
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name):
        first = bool(parent.args) and parent.args[0] is node
        return parent.func.id in ({"super"} if first else {"isinstance", "issubclass"})
    return isinstance(parent, ast.ExceptHandler | ast.ClassDef)


def _classes(place: Place, node: ast.Name) -> list[str]:
    words, owner = place.vocabulary, place.source.class_of(node)
    types = ["str", "int", "list", "dict", "tuple", "set", "float", "bytes", "bool", "type"]
    found = [owner.name] if owner is not None else []
    if isinstance(place.source.parent.get(node), ast.ExceptHandler):
        found += _exceptions(place)
    return [*found, *words.classes, *types, *words.imported]


def _exceptions(place: Place) -> list[str]:
    usual = ["ValueError", "TypeError", "KeyError", "IndexError", "AttributeError"]
    usual += ["StopIteration", "RuntimeError", "NotImplementedError", "ZeroDivisionError"]
    usual += ["ImportError", "OSError", "OverflowError", "LookupError", "AssertionError"]
    used = [n for n in place.vocabulary.builtins if n.endswith(("Error", "Exception", "Iteration"))]
    return [*used, *usual]


def _is_called(place: Place, node: ast.expr) -> bool:
    parent = place.source.parent.get(node)
    return isinstance(parent, ast.Call) and parent.func is node


def targets(place: Place) -> Iterator[Change]:
    """Another local name on the left of an assignment."""
    node = place.node
    assert isinstance(node, ast.Name)
    function = place.source.function_of(node)
    if isinstance(node.ctx, ast.Store) and function is not None:
        words = place.vocabulary
        for name in words.unbound_in(function)[:3]:
            yield place.replaced(node, name)
        for rank, name in enumerate(_nearest(place, node, words.locals_of(function))[:24]):
            yield place.replaced(node, name, max(0.3, 0.9 - 0.07 * rank))


def parameters(place: Place) -> Iterator[Change]:
    """Another name for a parameter: one the function uses without having it."""
    node = place.node
    assert isinstance(node, ast.arg)
    function = place.source.function_of(node)
    if function is not None:
        start, _ = place.source.span(node)
        for name in place.vocabulary.unbound_in(function)[:4]:
            yield Change(start, start + len(node.arg), name)


def attributes(place: Place) -> Iterator[Change]:
    """Another attribute or method: a sibling, one in use on the same base, one of the project."""
    node = place.node
    assert isinstance(node, ast.Attribute)
    start, end = place.source.span(node)
    low = end - len(node.attr)
    if place.source.text[low:end] != node.attr or low < start:
        return
    near = [*_members(place, node), *by_closeness(node.attr, _attributes(place, node))[:30]]
    near = list(dict.fromkeys(near))
    wide = [*place.vocabulary.defined, *place.vocabulary.neighbours]
    far = [name for name in by_closeness(node.attr, wide) if name not in near][:20]
    for rank, name in enumerate(near):
        yield Change(low, end, name, max(0.2, 1.0 - 0.05 * rank))
    for rank, name in enumerate(far):
        yield Change(low, end, name, max(0.1, 0.6 - 0.03 * rank))


def _members(place: Place, node: ast.Attribute) -> list[str]:
    """What the class itself has, for `self` and `cls`; members nobody reads come first."""
    owner = place.source.class_of(node)
    own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    if owner is None or not own:
        return []
    unread = place.vocabulary.unread_members
    order = by_closeness(node.attr, place.vocabulary.members_of(owner))
    return sorted(order, key=lambda name: name not in unread)[:24]


def _attributes(place: Place, node: ast.Attribute) -> list[str]:
    words = place.vocabulary
    found = list(siblings(node.attr))
    if isinstance(node.value, ast.Name | ast.Attribute):
        found += words.attributes.get(ast.unparse(node.value), ())
    if _is_called(place, node):
        found += words.methods_in_use
    else:
        found += [name for names in words.attributes.values() for name in names]
    return found


def keywords(place: Place) -> Iterator[Change]:
    """Another parameter name in a call, where the called function stands in the file."""
    node = place.node
    assert isinstance(node, ast.keyword)
    call = place.source.parent.get(node)
    if node.arg is None or not isinstance(call, ast.Call):
        return
    called = call.func.attr if isinstance(call.func, ast.Attribute) else None
    called = call.func.id if isinstance(call.func, ast.Name) else called
    signature = place.vocabulary.signature(called) if called else None
    known = [a.arg for a in [*signature.args, *signature.kwonlyargs]] if signature else []
    taken = {other.arg for other in call.keywords}
    start, _ = place.source.span(node)
    for rank, name in enumerate(by_closeness(node.arg, [*known, *place.vocabulary.keywords])[:10]):
        if name not in taken:
            yield Change(start, start + len(node.arg), name, max(0.3, 0.9 - 0.07 * rank))


def imports(place: Place) -> Iterator[Change]:
    """Another name imported: one the file uses without having it."""
    node = place.node
    assert isinstance(node, ast.alias)
    start = place.source.offset(node.lineno, node.col_offset)
    names = [*place.vocabulary.unbound, *siblings(node.name)]
    for rank, name in enumerate(by_closeness(node.name, names)[:8]):
        yield Change(start, start + len(node.name), name, max(0.3, 1.0 - 0.1 * rank))


TEMPLATES = (
    Template("imported name", 1, 0.6, (ast.alias,), imports),
    Template("variable", 1, 0.8, (ast.Name,), variables),
    Template("function", 1, 0.75, (ast.Name,), functions),
    Template("attribute or method", 1, 0.75, (ast.Attribute,), attributes),
    Template("keyword name", 1, 0.4, (ast.keyword,), keywords),
    Template("parameter name", 1, 0.6, (ast.arg,), parameters),
    Template("assigned name", 1, 0.6, (ast.Name,), targets),
)
