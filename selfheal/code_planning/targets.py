"""What a step touches: its files, its symbols, and the nodes of the graph these stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from selfheal.code_planning.paths import names_of
from selfheal.codegraph.graph import CallGraph, Node
from selfheal.codegraph.source import is_python, module_name
from selfheal.contracts.plan import Step, Symbol, SymbolKind

_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_SIGNATURE: Final = re.compile(r"\b([A-Za-z_]\w*)\(")
# Words of English that are also names in small examples; in backticks they still count.
_ARTICLES: Final = frozenset({"a", "A", "I"})


@dataclass(frozen=True, slots=True)
class Target:
    """A step, or one part of it, in terms of the graph.

    `touched` holds fq names: the symbols with all that is inside them, or all of the files when
    no symbol is known (`names_symbols` is False then). A symbol that is not there yet keeps the
    name that the plan gives it.
    """

    step: Step
    files: tuple[str, ...]
    symbols: tuple[Symbol, ...]
    roots: frozenset[str]
    touched: frozenset[str]

    @property
    def names_symbols(self) -> bool:
        """Whether the plan or its words name symbols, so that more than the files is known."""
        return bool(self.symbols)


def target_of(step: Step, files: tuple[str, ...], graph: CallGraph) -> Target:
    """The target of a whole step; symbols come from its goal and hints when it lists none."""
    said = (*added_symbols(step, files, graph), *named_symbols(step, files, graph))
    return narrowed(step, files, step.symbols or said, graph)


def narrowed(
    step: Step, files: tuple[str, ...], symbols: tuple[Symbol, ...], graph: CallGraph
) -> Target:
    """The target of those files and symbols of a step."""
    roots = {_fq_name(symbol, graph) for symbol in symbols}
    if not symbols:
        roots = {node.fq_name for path in files for node in graph.in_file(path)[:1]}
    touched = {name for root in roots for name in graph.within(root)}
    return Target(step, files, symbols, frozenset(roots), frozenset(touched))


def named_symbols(step: Step, files: Iterable[str], graph: CallGraph) -> tuple[Symbol, ...]:
    """Symbols of the step's files whose name, dotted or plain, its goal or hints have as a word."""
    words = set(_DOTTED.findall("\n".join((step.goal, *step.hints)))) - _ARTICLES
    words |= names_of(step)
    # A generated file may have tens of thousands of nodes, and each word is looked for in them.
    ends = {_last(word) for word in words}
    inside = (node for path in files for node in graph.in_file(path) if node.kind != "module")
    nodes = [node for node in inside if _last(node.fq_name) in ends]
    found: set[Node] = set()
    for word in sorted(words):
        whole = [node for node in nodes if _is_named(node, word)]
        # `client.fetch` may be a variable and a method of its class.
        found.update(whole or (n for n in nodes if _is_named(n, _last(word))))
    return tuple(node.symbol for node in sorted(found))


def added_symbols(step: Step, files: Sequence[str], graph: CallGraph) -> tuple[Symbol, ...]:
    """What an ADD step's goal says is new: `rate(order)`, where nothing around is called so.

    Only the first such name: a goal may go on with what the new function calls.
    """
    written = _SIGNATURE.search(step.goal)
    if step.kind != "ADD" or written is None or not files or not is_python(files[0]):
        return ()
    name = written[1]
    if any(_last(node.fq_name) == name for node in graph):
        return ()
    kind: SymbolKind = "class" if name[0].isupper() else "function"
    module = next((node.fq_name for node in graph.in_file(files[0])), module_name(files[0]))
    return (Symbol(fq_name=f"{module}.{name}", kind=kind, file_path=files[0]),)


def _last(dotted: str) -> str:
    return dotted.rpartition(".")[2]


def _is_named(node: Node, word: str) -> bool:
    return f".{node.fq_name}".endswith(f".{word}")


def _fq_name(symbol: Symbol, graph: CallGraph) -> str:
    """The node that the plan means: the same name, else the longest common end in its file."""
    parts = symbol.fq_name.split(".")
    for start in range(len(parts)):
        end = ".".join(parts[start:])
        found = [n for n in graph.in_file(symbol.file_path) if f".{n.fq_name}".endswith(f".{end}")]
        if len(found) == 1:
            return found[0].fq_name
    return symbol.fq_name
