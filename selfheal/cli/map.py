"""`selfheal map`: what a repository turns on, on one page."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from selfheal.cli.main import app
from selfheal.cli.sources import charted
from selfheal.codegraph.landmarks import outline_of
from selfheal.errors import InvalidInput
from selfheal.index.opening import open_sources


@app.command(name="map")
def draw_map(
    path: Annotated[Path, typer.Argument(help="A folder, a git repository, or one file.")] = Path(),
    *,
    rev: Annotated[str | None, typer.Option(help="Commit; else the files on disk.")] = None,
    tokens: Annotated[int, typer.Option(min=1, max=1_000_000, help="How long it may be.")] = 1024,
    focus: Annotated[
        list[str] | None, typer.Option(help="A file, relative to the folder: map what it uses.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the most important files of a repository with their classes and functions.

    Important is what important files use (PageRank). As many symbols are shown as fit into the
    tokens, four letters each.
    """
    tree = open_sources(path, rev, package=_package(path))
    if unknown := sorted(set(focus or ()) - set(tree.paths())):
        raise InvalidInput(f"{path} has no Python file {unknown[0]}")
    outline = outline_of(charted(tree), tokens=tokens, focus=focus or ())
    if as_json:
        print(json.dumps(asdict(outline), indent=2))
    else:
        print(outline.text(), end="")


def _package(path: Path) -> str:
    """The name of the package that the folder is, so that its imports of itself are understood."""
    name = path.resolve().name
    return name if (path / "__init__.py").is_file() and name.isidentifier() else ""
