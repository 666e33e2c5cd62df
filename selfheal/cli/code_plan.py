"""`selfheal code-plan`: the CodingTasks that a Plan is cut into, without a farm."""

from __future__ import annotations

import sys
from functools import cache, partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from selfheal.cli.kept import kept_here
from selfheal.cli.main import app
from selfheal.code_planning.planner import CodePlanner
from selfheal.code_planning.prefetch import with_chunks
from selfheal.contracts.bundle import TaskBundle
from selfheal.contracts.plan import Plan
from selfheal.errors import InvalidRequest
from selfheal.index.index import Index
from selfheal.index.snapshot import Snapshot
from selfheal.retrieval.lookup import lookup_in
from selfheal.retrieval.search import Retrieval
from selfheal.workspace.repository import commit_at

MOST_BYTES = 16 << 20
"""Of a Plan as JSON: ten thousand steps are a tenth of it."""


@app.command("code-plan")
def code_plan(
    *,
    plan: Annotated[str, typer.Option(help="A file with the Plan as JSON, or - for stdin.")],
    repo: Annotated[Path, typer.Option(help="The repository, checked out or bare.")] = Path(),
    rev: Annotated[
        str | None, typer.Option(help="The commit to plan at; else the Plan's own.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the TaskBundle.")] = False,
) -> None:
    """Cut a Plan into CodingTasks: in which order, with which tests, how hard. Changes nothing.

    `selfheal schema Plan` shows what a Plan looks like.
    """
    asked = _read(plan)
    objects, sha = commit_at(repo, rev or asked.base_commit_sha)
    with kept_here() as kept:
        snapshot = Snapshot.at(objects, sha)
        search = partial(Retrieval.at, objects, sha, kept, snapshot=snapshot)
        planner = CodePlanner(snapshot, Index(kept), lookup=lookup_in(cache(search)))
        cut = planner.run(asked.model_copy(update={"base_commit_sha": sha}))
        paths = {path for task in cut.tasks for path in task.paths}
        bundle = with_chunks(cut, search(paths=paths))
    if as_json:
        print(bundle.to_json())
        return
    _show(bundle, Console(soft_wrap=True))


def _read(name: str) -> Plan:
    shown = "standard input" if name == "-" else name
    try:
        return Plan.from_json(_text(name))
    except OSError as error:
        raise InvalidRequest("--plan", f"{shown} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest("--plan", f"{shown} is not in UTF-8: {error.reason}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise InvalidRequest("--plan", f"{shown} is no Plan: {where}: {first['msg']}") from error


def _text(name: str) -> str:
    """What the file holds, without a byte order mark."""
    with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InvalidRequest("--plan", f"a Plan has at most {MOST_BYTES} bytes, this one has more")
    return content.decode("utf-8-sig")


def _show(bundle: TaskBundle, console: Console) -> None:
    numbers = {task.id: number for number, task in enumerate(bundle.tasks, 1)}
    for task in bundle.tasks:
        after = ", ".join(str(numbers[one]) for one in task.depends_on)
        console.print(
            f"[bold]{numbers[task.id]}[/] {task.kind} {escape(', '.join(task.paths) or '-')}: "
            f"{escape(task.goal)} [dim]({task.complexity_label}, {len(task.test_ids)} tests"
            f"{f', after {after}' if after else ''})[/]",
            highlight=False,
        )
    if bundle.force_sequential:
        console.print("The tasks run one by one.")
    for warning in bundle.warnings:
        console.print(f"[yellow]{warning.code}[/] {escape(warning.message)}", highlight=False)
