"""One request, run to its end for somebody who waits: by the farm that runs here, or our own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from rich.console import Console

from selfheal.cli.farm import own_farm, reach_farm, runs_for_everybody
from selfheal.cli.processes import profiled_worker, sweeper
from selfheal.cli.watching import view_for, watch
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.names import POOLS, TIDY
from selfheal.contracts.run_report import RunReport
from selfheal.embedded.run_folder import RunFolder
from selfheal.errors import Cancelled, RunFolderBusy
from selfheal.flows import cancel, submit
from selfheal.flows.farm import Farm
from selfheal.flows.tidy import tidy
from selfheal.settings import Settings, load_settings
from selfheal.store.outbox import message_of


def run_to_end(
    request: ChangeRequest, said: Console, *, reached: Reached | None = None
) -> RunReport:
    """Submit the request and tell `said` what happens, until it has ended; Ctrl-C cancels it.

    By the farm that was reached already, else by `some_farm`. Raises Cancelled when it is
    interrupted before the request was accepted.
    """
    try:
        with nullcontext(reached) if reached else some_farm(load_settings(), said) as farm:
            return _run(farm, request, said)
    except KeyboardInterrupt:
        raise Cancelled("ended before the request was accepted: nothing was done") from None


def _run(reached: Reached, request: ChangeRequest, said: Console) -> RunReport:
    view, live = view_for(said)
    with live:
        accepted = submit.submit(reached.farm, request, door="terminal")
        try:
            row = watch(reached.farm.database, accepted.id, view, each=reached.keep_alive)
        except KeyboardInterrupt:
            row = cancel.cancel(reached.farm, accepted.id, who="cli")
    reached.finish(row.id)
    assert row.report is not None, "a request that has ended has its report"
    return row.report


@dataclass(frozen=True, slots=True)
class Reached:
    """A farm, and what keeps it alive where it is ours."""

    farm: Farm
    keep_alive: Callable[[], object] = tuple
    """Starts again what has died of our own."""
    finish: Callable[[UUID], object] = bool
    """Does what would be left to do by a farm that is our own, and about to end."""


@contextmanager
def some_farm(settings: Settings, said: Console) -> Iterator[Reached]:
    """The farm that `up` runs here; else one of our own for as long as this lasts."""
    if runs_for_everybody(settings):
        yield Reached(reach_farm(settings))
        return
    commands = (profiled_worker("worker", POOLS, settings), sweeper())
    with (
        _own_settings(settings) as own_settings,
        own_farm(own_settings, commands, progress=lambda line: _say(said, line)) as own,
    ):
        yield Reached(own.farm, own.keep_alive, partial(_tidy, own.farm))


def _tidy(farm: Farm, request_id: UUID) -> None:
    """What the repository would keep of the request, were a worker to end before it gets there."""
    tidy(farm, request_id, message_id=message_of(TIDY, request_id))


@contextmanager
def _own_settings(settings: Settings) -> Iterator[Settings]:
    """These settings; with a run folder for this process alone where another one is at work."""
    try:
        with RunFolder.open(settings.run_folder).own():
            pass
    except RunFolderBusy:
        alone = settings.run_folder.with_name(f"{settings.run_folder.name}-{os.getpid()}")
        try:
            yield settings.model_copy(
                update={"farm": settings.farm.model_copy(update={"run_folder": alone})}
            )
        finally:
            shutil.rmtree(alone, ignore_errors=True)
    else:
        yield settings


def _say(said: Console, line: str) -> None:
    if said.is_terminal:
        said.print(line, style="dim", markup=False, highlight=False)
