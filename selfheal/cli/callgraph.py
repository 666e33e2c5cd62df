"""`selfheal callgraph`: who calls whom in Python sources, and what a change may reach."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from selfheal.cli.main import app
from selfheal.cli.sources import parsed
from selfheal.codegraph.callmap import call_map, diagram_of
from selfheal.codegraph.graph import CallGraph, Edge
from selfheal.codegraph.impact import Impacts
from selfheal.codegraph.linking import Linker
from selfheal.diagrams.text import dot_of, mermaid_of
from selfheal.errors import InvalidInput
from selfheal.index.opening import open_sources

Format = Literal["json", "dot", "mermaid"]
_MOST_DIFF_BYTES = 8 << 20


@app.command()
def callgraph(
    path: Annotated[Path, typer.Argument(help="A folder, a git repository, or one file.")] = Path(),
    *,
    rev: Annotated[str | None, typer.Option(help="Commit; else the files on disk.")] = None,
    package: Annotated[str, typer.Option(help="The dotted package that the folder is.")] = "",
    form: Annotated[Format, typer.Option("--format", help="How to print the graph.")] = "json",
    callers_of: Annotated[str | None, typer.Option(help="List the calls of a symbol.")] = None,
    tests_of: Annotated[str | None, typer.Option(help="List the tests that reach it.")] = None,
    touched_by: Annotated[
        str | None, typer.Option(help="A diff's file, or -: what it touches and may break.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print an answer as JSON.")] = False,
) -> None:
    """Print the call graph of Python sources, or answer one question about it.

    As JSON the graph is one object: callees by caller, in dotted names. Builtins are in
    `<builtin>`, lambdas are counted in each scope: `module.function.<lambda1>`.
    """
    asked = [name for name in (callers_of, tests_of, touched_by) if name is not None]
    if len(asked) > 1:
        raise InvalidInput("--callers-of, --tests-of and --touched-by are asked one at a time")
    diff = _diff(touched_by) if touched_by is not None else ""
    tree = open_sources(path, rev, package=package)
    linker = Linker(parsed(tree))
    if not asked:
        print(_drawn(linker, form))
        return
    impacts = Impacts(_graph(linker))
    if callers_of is not None:
        calls = impacts.callers_of(callers_of)
        _show_calls(calls, as_json=as_json)
        _say_if_none(calls, f"no call of {callers_of}")
    elif tests_of is not None:
        tests = impacts.tests_of(tests_of)
        _show_lines(tests, as_json=as_json)
        _say_if_none(tests, f"no test that reaches {tests_of}")
    else:
        impact = impacts.touched_by(diff, tree)
        if as_json:
            reached = [edge._asdict() for edge in impact.calls]
            print(json.dumps({**asdict(impact), "calls": reached}, indent=2))
            return
        print("touches:")
        _show_lines((f"  {symbol}" for symbol in impact.symbols), as_json=False)
        print("called from:")
        _show_calls(impact.calls, as_json=False, indent="  ")
        print("tests that reach it:")
        _show_lines((f"  {test}" for test in impact.tests), as_json=False)


def _graph(linker: Linker) -> CallGraph:
    return CallGraph(linker.nodes(), linker.edges())


def _drawn(linker: Linker, form: Format) -> str:
    calls = call_map(linker)
    match form:
        case "dot":
            return dot_of(diagram_of(calls)).rstrip()
        case "mermaid":
            return mermaid_of(diagram_of(calls)).rstrip()
        case _:
            return json.dumps(calls, indent=2, ensure_ascii=False)


def _show_calls(edges: Iterable[Edge], *, as_json: bool, indent: str = "") -> None:
    if as_json:
        print(json.dumps([edge._asdict() for edge in edges], indent=2))
        return
    for edge in edges:
        through = f" through {edge.through}" if edge.through else ""
        place = f"{edge.path}:{edge.line}"
        print(f"{indent}{place}: {edge.source} calls {edge.target}{through} ({edge.confidence:g})")


def _show_lines(lines: Iterable[str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(list(lines), indent=2))
        return
    for line in lines:
        print(line)


def _say_if_none(found: Collection[object], what: str) -> None:
    if not found:
        print(f"the text shows {what}", file=sys.stderr)


def _diff(name: str) -> str:
    """The diff in a file, or on standard input for `-`."""
    if name == "-":
        content = sys.stdin.buffer.read(_MOST_DIFF_BYTES + 1)
    else:
        try:
            with Path(name).open("rb") as file:
                content = file.read(_MOST_DIFF_BYTES + 1)
        except OSError as error:
            raise InvalidInput(f"{name} cannot be read: {error.strerror}") from error
    if len(content) > _MOST_DIFF_BYTES:
        raise InvalidInput(f"the diff has more than {_MOST_DIFF_BYTES} bytes: give a part of it")
    return content.decode(errors="replace")
