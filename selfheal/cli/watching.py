"""Follows one request to its end and tells what happens: live on a terminal, lines otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol
from uuid import UUID

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from selfheal.store import events, requests, rounds
from selfheal.store.database import Database
from selfheal.store.events import Event
from selfheal.store.requests import RequestRow
from selfheal.store.rounds import TaskRow

POLL_SECONDS = 0.2

_MARKS = {"waiting": "·", "ready": "▸", "settled": "✓"}
_STYLES = {"SUCCESS": "green", "SOFT_FAIL": "yellow", "HARD_FAIL": "red"}


class View(Protocol):
    """Somebody who is told what happens."""

    def event(self, event: Event) -> None: ...
    def now(self, row: RequestRow, tasks: tuple[TaskRow, ...]) -> None: ...


def watch(
    database: Database, request_id: UUID, view: View, *, each: Callable[[], object] = lambda: None
) -> RequestRow:
    """Tell `view` every event, until the request (or the one it was folded into) has ended.

    `each` is called between two looks: whoever keeps processes alive does it there.
    """
    seen = 0
    while True:
        with database.begin() as connection:
            row = requests.follow(connection, request_id)
            new = events.of_request(connection, row.id, after=seen)
            tasks = rounds.tasks_of_request(connection, row.id)
        for event in new:
            view.event(event)
            seen = event.id
        view.now(row, tasks)
        if row.ended:
            return row
        each()
        time.sleep(POLL_SECONDS)


class Lines:
    """One plain line per event, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()

    def event(self, event: Event) -> None:
        """Print it."""
        seconds = time.monotonic() - self._began
        self._console.print(
            f"{seconds:6.1f}s {describe(event)}", markup=False, highlight=False, soft_wrap=True
        )

    def now(self, row: RequestRow, tasks: tuple[TaskRow, ...]) -> None:
        """Lines tell events only."""


class Board:
    """A live picture on a terminal: the request's state and each CodingTask's."""

    def __init__(self, live: Live, lines: Lines) -> None:
        self._live = live
        self._lines = lines

    def event(self, event: Event) -> None:
        """Print it above the picture."""
        self._lines.event(event)

    def now(self, row: RequestRow, tasks: tuple[TaskRow, ...]) -> None:
        """Draw the picture anew."""
        if row.ended:
            self._live.update(Text(""))
            return
        table = Table.grid(padding=(0, 1))
        for task in tasks:
            table.add_row(*_cells(task))
        self._live.update(Group(Spinner("dots", text=f" {row.state}"), table))


def view_for(console: Console) -> tuple[View, AbstractContextManager[object]]:
    """The view that fits `console`, and the context to open while it is used."""
    lines = Lines(console)
    if not console.is_terminal:
        return lines, nullcontext()
    live = Live(console=console, refresh_per_second=8, transient=True)
    return Board(live, lines), live


def describe(event: Event) -> str:
    """One event as a sentence."""
    if event.kind == "state":
        return f"{event.new_state}: {event.why}"
    about = f" {str(event.task_id)[:8]}" if event.task_id else ""
    return f"{event.kind}{about}: {event.why}"


def _cells(task: TaskRow) -> tuple[Text, Text, Text]:
    status = task.result.status if task.result else task.state
    style = _STYLES.get(status, "cyan" if task.state == "ready" else "dim")
    mark = "✗" if status in ("SOFT_FAIL", "HARD_FAIL") else _MARKS[task.state]
    return Text(mark, style=style), Text(str(task.id)[:8], style="dim"), Text(task.task.goal)
