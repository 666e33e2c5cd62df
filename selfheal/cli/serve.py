"""`selfheal serve`: the HTTP service, in the foreground."""

from __future__ import annotations

import sys
from contextlib import closing, suppress
from importlib.util import find_spec
from typing import Annotated

import typer
from rich.console import Console

from selfheal.cli.address import is_loopback
from selfheal.cli.farm import reach_farm
from selfheal.cli.main import app
from selfheal.errors import InvalidSettings, MissingExtra
from selfheal.flows import tokens
from selfheal.flows.connect import redactor_of
from selfheal.flows.farm import Farm
from selfheal.logs import configure_logs
from selfheal.settings import load_settings


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address; else that of the settings.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; else that of the settings.")
    ] = None,
) -> None:
    """Serve the running farm over HTTP: submit, list, show, cancel, retry, follow, plan.

    By default on http://127.0.0.1:8000, described by /openapi.json. Outside loopback it serves
    nobody without a token: make one first with `selfheal token add`. Ends with Ctrl-C or SIGTERM.
    """
    if find_spec("uvicorn") is None or find_spec("fastapi") is None:
        raise MissingExtra("server")
    from selfheal.service.app import create_app
    from selfheal.service.server import Server, listen

    settings = load_settings()
    address = host or settings.service.host
    local = is_loopback(address, option="--host")
    farm = reach_farm(settings)
    if not local:
        _refuse_without_tokens(farm, address)
    configure_logs(redactor_of(settings), sys.stderr)
    server = Server(create_app(farm))
    with closing(listen(address, settings.service.port if port is None else port)) as socket:
        place = f"[{address}]" if ":" in address else address
        Console(stderr=True).print(
            f"serving http://{place}:{socket.getsockname()[1]}; Ctrl-C ends it",
            markup=False,
            highlight=False,
        )
        with suppress(KeyboardInterrupt):  # uvicorn has ended in order, and passes the signal on
            server.run(sockets=[socket])
    farm.close()


def _refuse_without_tokens(farm: Farm, address: str) -> None:
    if not tokens.any_good(farm):
        raise InvalidSettings(
            f"{address} can be reached from other machines, and nobody has a token yet: make one "
            "with `selfheal token add NAME --role operator`, or serve on 127.0.0.1"
        )
