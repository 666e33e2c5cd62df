"""Call maps as pictures in text: DOT for graphviz, flowcharts for mermaid."""

from __future__ import annotations

from collections.abc import Iterator

from selfheal.codegraph.callmap import CallMap


def dot_of_calls(calls: CallMap) -> str:
    """A digraph in the DOT language."""
    return "\n".join(("digraph calls {", "  rankdir=LR;", "  node [shape=box];", *_dot(calls), "}"))


def mermaid_of_calls(calls: CallMap) -> str:
    """A flowchart, its nodes numbered in the order of their names."""
    names = sorted({*calls, *(callee for callees in calls.values() for callee in callees)})
    ids = {name: f"n{number}" for number, name in enumerate(names)}
    nodes = (f'  {ids[name]}["{mermaid_text(name)}"]' for name in names)
    edges = (f"  {ids[caller]} --> {ids[callee]}" for caller in calls for callee in calls[caller])
    return "\n".join(("flowchart LR", *nodes, *edges))


def mermaid_text(text: str) -> str:
    """Text that mermaid shows as it is: what would end a label, or be markup, is escaped."""
    escaped = text.replace("#", "#35;").replace('"', "#quot;")
    return escaped.replace("<", "#lt;").replace(">", "#gt;")


def dot_text(text: str) -> str:
    """A quoted string of the DOT language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _dot(calls: CallMap) -> Iterator[str]:
    for caller, callees in calls.items():
        yield f"  {dot_text(caller)};"
        yield from (f"  {dot_text(caller)} -> {dot_text(callee)};" for callee in callees)
