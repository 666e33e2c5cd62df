"""`selfheal embedded`: the servers that selfheal runs itself."""

from __future__ import annotations

import typer

from selfheal.cli.main import app
from selfheal.embedded import provider
from selfheal.embedded.run_folder import RunFolder
from selfheal.errors import EnvironmentUnusable
from selfheal.settings import load_settings

embedded = typer.Typer(
    name="embedded", help="The servers that selfheal runs itself.", no_args_is_help=True
)
app.add_typer(embedded)


@embedded.command()
def status() -> None:
    """Show whether the embedded servers of the run folder answer."""
    folder = _folder()
    owner = folder.owner()
    print(f"{folder.path}: " + (f"owned by process {owner}" if owner else "no owner"))
    for server in provider.status(folder):
        pids = ", ".join(map(str, server.pids)) or "no process"
        print(f"{server.name}: {'answers' if server.answers else 'does not answer'} ({pids})")


@embedded.command()
def stop() -> None:
    """Stop servers that a killed owner left running; data is kept."""
    provider.stop(_folder())


@embedded.command()
def wipe() -> None:
    """Delete the embedded servers' data: every request and its history."""
    provider.wipe(_folder())


def _folder() -> RunFolder:
    settings = load_settings()
    found = RunFolder.find(settings.run_folder)
    if found is None:
        raise EnvironmentUnusable(
            f"there is no run folder {settings.run_folder}: `selfheal up` makes it"
        )
    return found
