"""`selfheal watch-repo`: repositories whose health the farm looks after."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from selfheal.cli.farm import reach_farm
from selfheal.cli.main import app
from selfheal.cli.schedule import CRONTAB_HELP, EVERY_HELP, ZONE_HELP, read_timing, whoami
from selfheal.flows import watch_repo as flow
from selfheal.settings import load_settings
from selfheal.store import repositories
from selfheal.store.repositories import RepositoryRow

watch_repo = typer.Typer(
    name="watch-repo",
    help="Repositories whose tests are run on a schedule; what newly fails is asked for.",
    no_args_is_help=True,
)
app.add_typer(watch_repo)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

HOURLY = "1h"


@watch_repo.command()
def add(
    repo: Annotated[str, typer.Argument(help="URL or path of the repository.")],
    *,
    name: Annotated[str | None, typer.Option(help="What to call it; else its last part.")] = None,
    branch: Annotated[str, typer.Option(help="Branch whose head is scanned.")] = "main",
    test: Annotated[
        str | None, typer.Option(help="Command that runs its tests; else its own settings count.")
    ] = None,
    crontab: Annotated[str | None, typer.Option(help=CRONTAB_HELP)] = None,
    every: Annotated[str | None, typer.Option(help=f"{EVERY_HELP} Else {HOURLY}.")] = None,
    zone: Annotated[str, typer.Option(help=ZONE_HELP)] = "UTC",
    as_json: AsJson = False,
) -> None:
    """Watch a branch: scanned by --crontab or --every, refreshed each night.

    The first scan only takes note of what fails already. Pause with `selfheal schedule pause
    scan:NAME`.
    """
    scans = read_timing(crontab, every or (None if crontab else HOURLY), zone=zone)
    wanted = flow.Wanted(
        repo=repo, branch=branch, scans=scans, zone=zone, name=name, test_command=test
    )
    row = flow.watch(reach_farm(load_settings()), wanted, by=whoami())
    if as_json:
        print(json.dumps(_summary(row)))
    else:
        print(f"{row.name}: {row.url} {row.branch}, schedules scan:{row.name} refresh:{row.name}")


@watch_repo.command("list")
def list_all(*, as_json: AsJson = False) -> None:
    """List what is watched, and what failed at the last scan."""
    with reach_farm(load_settings()).database.begin() as connection:
        rows = repositories.every(connection)
    if as_json:
        print(json.dumps([_summary(row) for row in rows]))
        return
    table = Table("name", "repository", "branch", "scanned", "failing", box=None)
    for row in rows:
        table.add_row(*map(Text, _cells(row)))
    Console(soft_wrap=True).print(table)


@watch_repo.command()
def rm(
    name: Annotated[str, typer.Argument(help="The repository's name.")], *, as_json: AsJson = False
) -> None:
    """Watch it no more: it goes with its schedules. Requests made for it go on."""
    row = flow.unwatch(reach_farm(load_settings()), name)
    print(json.dumps({"removed": row.name}) if as_json else f"{row.name} is watched no more")


def _cells(row: RepositoryRow) -> tuple[str, ...]:
    if row.scanned_at is None or row.failing is None:
        return (row.name, row.url, row.branch, "not yet", "-")
    scanned = f"{row.scanned_at.astimezone():%Y-%m-%d %H:%M:%S} {str(row.scanned_sha)[:10]}"
    shown = ", ".join(row.failing[:3]) + (" ..." if len(row.failing) > 3 else "")
    return (row.name, row.url, row.branch, scanned, f"{len(row.failing)} {shown}".rstrip())


def _summary(row: RepositoryRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "url": row.url,
        "branch": row.branch,
        "test_command": row.test_command,
        "scanned_sha": row.scanned_sha,
        "scanned_at": row.scanned_at.isoformat() if row.scanned_at else None,
        "failing": None if row.failing is None else list(row.failing),
    }
