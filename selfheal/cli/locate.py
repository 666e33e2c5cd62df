"""`selfheal locate`: which files and functions a text is about, without a model."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from selfheal.cli.kept import kept_here
from selfheal.cli.main import app
from selfheal.errors import InvalidRequest
from selfheal.retrieval.locate import LIMIT, Localiser, Located
from selfheal.workspace.repository import commit_at

MOST_BYTES = 4 << 20
"""Of a text; its first and last pages are looked at."""


@app.command()
def locate(
    *,
    repo: Annotated[Path, typer.Option(help="The repository, checked out or bare.")] = Path(),
    text: Annotated[str, typer.Option(help="A file with the text, or - for standard input.")],
    rev: Annotated[str, typer.Option(help="The commit to look in.")] = "HEAD",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Longest list.")] = LIMIT,
    rerank: Annotated[
        bool, typer.Option("--rerank", help="Let the configured model order the best 20.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rank files and functions for any text: an issue, a traceback, a failing test."""
    objects, sha = commit_at(repo, rev)
    asked = _text(text)
    with kept_here() as kept:
        localiser = Localiser.at(objects, sha, kept)
        if rerank:
            found = _reranked(localiser, asked, limit=limit)
        else:
            found = localiser.locate(asked, limit=limit)
    if as_json:
        print(json.dumps(_document(found)))
    else:
        _show(found)


def _reranked(localiser: Localiser, text: str, *, limit: int) -> Located:
    """What is asked of a model is written down, so that needs a farm; nothing else here does."""
    from rich.console import Console

    from selfheal.cli.run import some_farm
    from selfheal.flows.evolve import model_of
    from selfheal.planning.rerank import CANDIDATES, reranked
    from selfheal.settings import load_settings

    settings = load_settings()
    if settings.llm.base_url is None:
        raise InvalidRequest("--rerank", "no model is configured: set SELFHEAL_LLM__BASE_URL")
    found = localiser.locate(text, limit=max(limit, CANDIDATES), least=0.0)
    with some_farm(settings, Console(stderr=True, soft_wrap=True)) as reached:
        model = model_of(reached.farm)
        assert model is not None, "an endpoint is configured"
        ordered = reranked(found, text, model)
    return replace(ordered, files=ordered.files[:limit], functions=ordered.functions[:limit])


def _text(name: str) -> str:
    if name == "-":
        return sys.stdin.buffer.read(MOST_BYTES).decode("utf-8", "replace")
    try:
        with Path(name).open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError as error:
        expected = "a file with the text, or - for standard input"
        raise InvalidRequest("--text", f"expected {expected}: {name}: {error.strerror}") from error


def _document(found: Located) -> dict[str, object]:
    return {
        "files": [asdict(one) for one in found.files],
        "functions": [asdict(one) for one in found.functions],
        "tests": [asdict(one) for one in found.tests],
        "timings": dict(found.timings),
    }


def _show(found: Located) -> None:
    if not found.files and not found.tests:
        print("no file shares a word with the text")
    for file in found.files:
        print(f"{file.score:7.3f}  {file.path}  ({file.why})")
    for title, lines in (
        (
            "functions",
            [f"{o.score:7.3f}  {o.path} {o.qualname}  ({o.why})" for o in found.functions],
        ),
        ("tests", [f"{o.score:7.3f}  {o.path}" for o in found.tests]),
    ):
        if lines:
            print(f"{title}:", *lines, sep="\n")
