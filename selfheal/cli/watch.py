"""`selfheal watch`: follow a request to its end."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from selfheal.cli import exit_codes
from selfheal.cli.farm import reach_farm
from selfheal.cli.main import app
from selfheal.cli.showing import show_report
from selfheal.cli.watching import view_for
from selfheal.cli.watching import watch as follow
from selfheal.settings import load_settings


@app.command()
def watch(
    *,
    request_id: Annotated[UUID, typer.Argument(help="The request.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the RunReport at the end.")
    ] = False,
) -> None:
    """Follow a request live; ends with it, and with the exit status it deserves."""
    farm = reach_farm(load_settings())
    view, live = view_for(Console(stderr=True))
    with live:
        row = follow(farm.database, request_id, view)
    if row.report is None:
        return
    if as_json:
        print(row.report.to_json())
    else:
        show_report(Console(soft_wrap=True), row.report)
    raise typer.Exit(exit_codes.of_cause(row.report.cause))
