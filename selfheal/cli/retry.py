"""`selfheal retry`: ask for what has ended once more."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from selfheal.cli.farm import reach_farm
from selfheal.cli.main import app
from selfheal.flows import retry as flow
from selfheal.settings import load_settings


@app.command()
def retry(request_id: Annotated[UUID, typer.Argument(help="One that has ended.")]) -> None:
    """Submit an ended request once more, on its branch as it is now; prints the new id."""
    print(flow.retry(reach_farm(load_settings()), request_id, door="terminal").id)
