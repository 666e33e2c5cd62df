"""`selfheal status`: what the farm has done and is doing."""

from __future__ import annotations

import json
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console

from selfheal.cli.farm import reach_farm
from selfheal.cli.main import app
from selfheal.cli.showing import show_report, show_requests, show_subtasks
from selfheal.diagrams.text import mermaid_of
from selfheal.flows.picture import picture_of
from selfheal.settings import load_settings
from selfheal.store import decompositions, requests
from selfheal.store.requests import RequestRow


@app.command()
def status(
    *,
    request_id: Annotated[UUID | None, typer.Argument(help="One request; else the newest.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the newest requests, or show one with its report.

    As JSON, one request comes with its tasks as a mermaid flowchart: `graph`.
    """
    farm = reach_farm(load_settings())
    with farm.database.begin() as connection:
        if request_id is None:
            rows = requests.recent(connection, limit)
        else:
            rows = (requests.follow(connection, request_id),)
        steps = decompositions.subtasks_of(connection, rows[0].id) if request_id else ()
        graph = mermaid_of(picture_of(connection, rows[0].id)) if request_id else ""
    if as_json:
        shown = [summary(row) for row in rows]
        print(json.dumps(shown if request_id is None else {**shown[0], "graph": graph}))
        return
    console = Console(soft_wrap=True)
    show_requests(console, rows)
    if steps and not rows[0].ended:
        show_subtasks(console, steps)
    if request_id is not None and rows[0].report:
        show_report(console, rows[0].report)


def summary(row: RequestRow) -> dict[str, Any]:
    """A request as JSON: its state now, and its report once it has ended."""
    return {
        "id": str(row.id),
        "state": row.state,
        "repo": row.request.repo,
        "branch": row.request.branch,
        "repeats": row.repeats,
        "received_at": row.received_at.isoformat(),
        "ended_at": row.ended_at.isoformat() if row.ended_at else None,
        "reason": row.reason,
        "report": row.report.model_dump(mode="json") if row.report else None,
    }
