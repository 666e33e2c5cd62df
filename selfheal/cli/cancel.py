"""`selfheal cancel`: end a request."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from selfheal.cli.farm import reach_farm
from selfheal.cli.main import app
from selfheal.flows import cancel as flow
from selfheal.settings import load_settings


@app.command()
def cancel(request_id: Annotated[UUID, typer.Argument(help="The request.")]) -> None:
    """End a request: nothing of it has an effect any more, within seconds nothing of it runs."""
    row = flow.cancel(reach_farm(load_settings()), request_id, who="cli")
    print(f"{row.id} {row.state}: {row.reason}")
