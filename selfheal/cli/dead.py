"""`selfheal dead`: messages that no worker could take."""

from __future__ import annotations

import json
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from selfheal.cli.farm import reach_farm
from selfheal.cli.main import app
from selfheal.settings import load_settings
from selfheal.store import dead_letters
from selfheal.store.dead_letters import DeadLetterRow

dead = typer.Typer(
    name="dead", help="Messages that no worker could take, with the reason.", no_args_is_help=True
)
app.add_typer(dead)

LetterId = Annotated[UUID, typer.Argument(help="The letter's id, as `selfheal dead list` shows.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dead.command("list")
def list_newest(
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest that were not sent again."""
    with reach_farm(load_settings()).database.begin() as connection:
        rows = dead_letters.newest(connection, limit)
    if as_json:
        print(json.dumps([_summary(row) for row in rows]))
        return
    table = Table(box=None)
    table.add_column("letter", no_wrap=True)  # to be copied
    for heading in ("queue", "task", "times", "last", "reason"):
        table.add_column(heading)
    for row in rows:
        last = f"{row.last_at.astimezone():%Y-%m-%d %H:%M:%S}"
        letter = row.letter
        cells = (str(row.id), letter.queue, letter.task_name or "-", str(row.times), last)
        table.add_row(*map(Text, (*cells, letter.reason)))
    Console(soft_wrap=True).print(table)


@dead.command()
def show(letter_id: LetterId, *, as_json: AsJson = False) -> None:
    """Show what is kept of one: secrets and most of a long body are taken out."""
    with reach_farm(load_settings()).database.begin() as connection:
        row = dead_letters.load(connection, letter_id)
    if as_json:
        print(json.dumps(_summary(row) | _content(row)))
        return
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for name, value in (_summary(row) | _content(row)).items():
        console.print(f"{name:>16}: {value}")


@dead.command()
def requeue(letter_id: LetterId, *, as_json: AsJson = False) -> None:
    """Send one to its queue again; refused, with the reason, if no worker could take it now."""
    # Here, because only this command needs to know every task.
    from selfheal.celery import app as workers
    from selfheal.worker.requeue import requeue as send_again

    workers.settings = load_settings()
    reach_farm(workers.settings)
    letter = send_again(workers, letter_id)
    _done(letter_id, "requeued", f"sent to queue {letter.queue} again", as_json=as_json)


@dead.command()
def drop(letter_id: LetterId, *, as_json: AsJson = False) -> None:
    """Forget one."""
    with reach_farm(load_settings()).database.begin() as connection:
        dead_letters.load(connection, letter_id)
        dead_letters.drop(connection, letter_id)
    _done(letter_id, "dropped", "forgotten", as_json=as_json)


def _done(letter_id: UUID, what: str, said: str, *, as_json: bool) -> None:
    print(json.dumps({"id": str(letter_id), "done": what}) if as_json else f"{letter_id} {said}")


def _summary(row: DeadLetterRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "queue": row.letter.queue,
        "task_name": row.letter.task_name,
        "reason": row.letter.reason,
        "times": row.times,
        "first_at": row.first_at.isoformat(),
        "last_at": row.last_at.isoformat(),
        "requeued_at": row.requeued_at.isoformat() if row.requeued_at else None,
    }


def _content(row: DeadLetterRow) -> dict[str, Any]:
    return row.letter.model_dump(
        mode="json", include={"headers", "content_type", "content_encoding", "complete", "body"}
    )
