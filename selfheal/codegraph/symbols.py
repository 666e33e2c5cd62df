"""The symbols of one file, and which of them an edit touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from itertools import islice, takewhile

from selfheal.codegraph.facts import Definition
from selfheal.codegraph.grammar import language_of
from selfheal.codegraph.names import full_name
from selfheal.codegraph.parse import encoded_source, facts_of_text
from selfheal.codegraph.source import module_name
from selfheal.contracts.plan import Symbol


def symbols_in(source: str, path: str) -> tuple[Symbol, ...]:
    """The module and its classes, functions and methods, in source order, each name once.

    A file of a language that is not read is one symbol: its path. Those of a file that is read but
    is not Python stand below its path: `web/cart.ts.Cart.total`.
    """
    module = module_name(path)
    found = {module: Symbol(fq_name=module, kind="module", file_path=path)}
    for definition in _definitions(source, path):
        if definition.kind != "lambda":
            name = full_name(module, definition.qualname)
            found.setdefault(name, Symbol(fq_name=name, kind=definition.kind, file_path=path))
    return tuple(found.values())


def touched_symbols(before: str, after: str, path: str) -> tuple[str, ...]:
    """The fq names whose own text differs between two versions of a file, sorted.

    Own text is a definition, its decorators and body, without the definitions inside it; what
    remains of the file is the module's. So an edited method touches neither its class nor its
    module. An empty text stands for a file that is not there. Blank lines do not count.
    """
    old, new = _own_texts(before, path), _own_texts(after, path)
    return tuple(sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)))


def _definitions(source: str, path: str) -> Sequence[Definition]:
    if not language_of(path):
        return ()
    named = [d for d in facts_of_text(source, path).definitions if d.kind != "lambda"]
    return [definition for definition in named if "<" not in definition.qualname]


def _own_texts(source: str, path: str) -> dict[str, list[list[bytes]]]:
    """Non-blank lines by fq name; a name defined twice has a text for each time."""
    encoded, module = encoded_source(source), module_name(path)
    definitions = _definitions(source, path)
    texts = defaultdict(list)
    whole = _without(encoded, 0, len(encoded), _outermost(definitions))
    if whole:
        texts[module].append(whole)
    for position, definition in enumerate(definitions):
        span = definition.span
        following = islice(definitions, position + 1, None)
        inside = list(takewhile(partial(_starts_before, span.end), following))
        name = full_name(module, definition.qualname)
        texts[name].append(_without(encoded, span.start, span.end, _outermost(inside)))
    return texts


def _starts_before(end: int, definition: Definition) -> bool:
    return definition.span.start < end


def _outermost(definitions: Sequence[Definition]) -> list[Definition]:
    """Those that no other one holds, given in source order."""
    found: list[Definition] = []
    for definition in definitions:
        if not found or definition.span.start >= found[-1].span.end:
            found.append(definition)
    return found


def _without(source: bytes, start: int, end: int, inside: Sequence[Definition]) -> list[bytes]:
    parts = []
    for definition in inside:
        parts.append(source[start : definition.span.start])
        start = definition.span.end
    parts.append(source[start:end])
    return [line.rstrip() for part in parts for line in part.splitlines() if line.strip()]
