"""`selfheal flower`: Celery's own page, for this farm's workers."""

from __future__ import annotations

import os
import secrets
import sys
from importlib.util import find_spec
from typing import Annotated

import typer
from rich.console import Console

from selfheal.cli.address import is_loopback
from selfheal.cli.main import app
from selfheal.errors import MissingExtra

_AUTH = "FLOWER_BASIC_AUTH"


@app.command()
def flower(
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 5555,
) -> None:
    """Watch the running farm's workers and messages in a browser.

    Outside loopback it asks for a name and a password: those of FLOWER_BASIC_AUTH (name:password),
    else ones that are made up and printed.
    """
    if find_spec("flower") is None:
        raise MissingExtra("flower")
    environment = dict(os.environ)
    if not is_loopback(address, option="--address") and not environment.get(_AUTH):
        environment[_AUTH] = f"selfheal:{secrets.token_urlsafe(12)}"
        Console(stderr=True).print(f"log in as {environment[_AUTH]}", markup=False, highlight=False)
    python = [sys.executable, "-P", "-m", "celery", "-A", "selfheal", "flower"]
    place = [f"--address={address}", f"--port={port}"]
    os.execve(sys.executable, [*python, *place], environment)  # noqa: S606
