"""`selfheal schedule`: what the farm does by itself, and when."""

from __future__ import annotations

import getpass
import json
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from selfheal.cli.farm import reach_farm
from selfheal.cli.main import app
from selfheal.contracts.names import JOBS, OF_REPOSITORY, Job
from selfheal.errors import InvalidInput
from selfheal.flows import fire
from selfheal.settings import load_settings
from selfheal.store import firings, repositories, schedules
from selfheal.store.firings import FiringRow
from selfheal.store.schedules import MISFIRES, Misfire, NewSchedule, ScheduleRow
from selfheal.timing import Crontab, Timing, read_interval

schedule = typer.Typer(
    name="schedule", help="What the farm does by itself, and when.", no_args_is_help=True
)
app.add_typer(schedule)

Name = Annotated[str, typer.Argument(help="The schedule's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

CRONTAB_HELP = (
    "Five fields: minute, hour, day of month, month, day of week; all must match. "
    '"30 3 * * mon-fri" is half past three on working days.'
)
EVERY_HELP = "A number and s, m, h or d: 90s, 15m, 6h, 1d."
ZONE_HELP = "Time zone of the crontab, as Europe/Berlin."


@schedule.command("list")
def list_all(*, as_json: AsJson = False) -> None:
    """List all schedules: when each runs next, and what came of the last time."""
    with reach_farm(load_settings()).database.begin() as connection:
        rows = schedules.every(connection)
        last = firings.newest(connection)
    if as_json:
        print(json.dumps([_summary(row, last.get(row.id)) for row in rows]))
        return
    table = Table("schedule", "job", "when", "next", "last", "what came of it", box=None)
    for row in rows:
        table.add_row(*map(Text, _cells(row, last.get(row.id))))
    Console(soft_wrap=True).print(table)


@schedule.command()
def add(
    name: Name,
    *,
    job: Annotated[str, typer.Option(help=f"What is done: {', '.join(JOBS)}.")],
    crontab: Annotated[str | None, typer.Option(help=CRONTAB_HELP)] = None,
    every: Annotated[str | None, typer.Option(help=EVERY_HELP)] = None,
    zone: Annotated[str, typer.Option(help=ZONE_HELP)] = "UTC",
    repo: Annotated[
        str | None,
        typer.Option(help=f"The watched repository, for {', '.join(sorted(OF_REPOSITORY))}."),
    ] = None,
    goal: Annotated[
        str | None,
        typer.Option(help="What evolve is for; else WORKER_EVOLUTION_GLOBAL_GOAL counts."),
    ] = None,
    jitter: Annotated[int, typer.Option(help="Seconds that a run may be late, evenly spread.")] = 0,
    misfire: Annotated[
        str,
        typer.Option(help="Runs missed while no beat ran: once makes up for them by one, or skip."),
    ] = "once",
    window: Annotated[int, typer.Option(help="Seconds after which a run counts as missed.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Add a schedule, by --crontab or by --every. A run is skipped while the last one goes on."""
    what, timing, missed = _job(job), read_timing(crontab, every, zone=zone), _misfire(misfire)
    farm = reach_farm(load_settings())
    with farm.database.begin() as connection:
        watched = repositories.load(connection, repo) if repo else None
        new = NewSchedule(
            name=name,
            job=what,
            timing=timing,
            repository_id=watched.id if watched else None,
            goal=goal,
            jitter_seconds=jitter,
            misfire=missed,
            window_seconds=window,
        )
        row = schedules.add(connection, new, by=whoami())
    _tell(row, as_json=as_json)


@schedule.command()
def pause(name: Name, *, as_json: AsJson = False) -> None:
    """Fire no run of it until it is resumed; what runs goes on."""
    with reach_farm(load_settings()).database.begin() as connection:
        row = schedules.pause(connection, name, by=whoami())
    _tell(row, as_json=as_json)


@schedule.command()
def resume(name: Name, *, as_json: AsJson = False) -> None:
    """Fire it again, from its next run on: what the pause left out is not made up for."""
    with reach_farm(load_settings()).database.begin() as connection:
        row = schedules.resume(connection, name, by=whoami())
    _tell(row, as_json=as_json)


@schedule.command()
def run(name: Name, *, as_json: AsJson = False) -> None:
    """Fire it at once, whether paused or not; its next run stays what it was."""
    message_id = fire.fire_now(reach_farm(load_settings()), name)
    print(json.dumps({"name": name, "message_id": str(message_id)}) if as_json else message_id)


@schedule.command()
def rm(name: Name, *, as_json: AsJson = False) -> None:
    """Remove it and the record of its runs."""
    with reach_farm(load_settings()).database.begin() as connection:
        row = schedules.remove(connection, name)
    print(json.dumps({"removed": row.name}) if as_json else f"{row.name} removed")


def read_timing(crontab: str | None, every: str | None, *, zone: str) -> Timing:
    """One of both, read; raises InvalidInput."""
    if (crontab is None) == (every is None):
        raise InvalidInput('--crontab, --every: give one of them, as --crontab "30 3 * * *"')
    return Crontab(crontab, zone) if crontab is not None else read_interval(every or "")


def whoami() -> str:
    """Who changes a schedule, for its row."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "cli"


def _job(text: str) -> Job:
    for job in JOBS:
        if job == text:
            return job
    raise InvalidInput(f"--job: there is no job {text!r}; jobs are {', '.join(JOBS)}")


def _misfire(text: str) -> Misfire:
    for misfire in MISFIRES:
        if misfire == text:
            return misfire
    raise InvalidInput(f"--misfire: expected once or skip, found {text!r}")


def _tell(row: ScheduleRow, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_summary(row, None)))
    else:
        print(f"{row.name}: {row.job}, {row.when}, {_next(row)}")


def _cells(row: ScheduleRow, last: FiringRow | None) -> tuple[str, ...]:
    outcome = f"{last.state}: {last.note}" if last and last.note else last.state if last else "-"
    return (row.name, row.job, row.when, _next(row), _local(last.run) if last else "-", outcome)


def _next(row: ScheduleRow) -> str:
    return "paused" if row.paused_at else f"next {_local(row.fires_at)}"


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _summary(row: ScheduleRow, last: FiringRow | None) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "job": row.job,
        "repository_id": str(row.repository_id) if row.repository_id else None,
        "crontab": row.crontab,
        "timezone": row.timezone,
        "interval_seconds": row.interval_seconds,
        "jitter_seconds": row.jitter_seconds,
        "misfire": row.misfire,
        "window_seconds": row.window_seconds,
        "paused": row.paused_at is not None,
        "next_run": row.next_run.isoformat(),
        "fires_at": row.fires_at.isoformat(),
        "last": {
            "message_id": str(last.message_id),
            "run": last.run.isoformat(),
            "cause": last.cause,
            "state": last.state,
            "note": last.note,
        }
        if last
        else None,
        "created_by": row.created_by,
        "updated_by": row.updated_by,
    }
