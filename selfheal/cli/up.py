"""`selfheal up`: the whole farm on this machine, in the foreground."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from selfheal.cli.farm import marked_up, own_farm
from selfheal.cli.main import app
from selfheal.cli.processes import beat, heavy_pools, light_pools, profiled_worker, sweeper
from selfheal.settings import Settings, load_settings

_LOOK_SECONDS = 0.5


@app.command()
def up() -> None:
    """Run servers (where none are configured), workers for all pools, the sweeper and a beat.

    Ends with Ctrl-C or SIGTERM; data is kept.
    """
    settings = load_settings()
    console = Console(stderr=True, soft_wrap=True)
    stop = _stop_on_signals()
    commands = (
        profiled_worker("light", light_pools(settings), settings),
        profiled_worker("heavy", heavy_pools(settings), settings),
        sweeper(),
        beat(),
    )
    with (
        own_farm(settings, commands, progress=lambda line: _say(console, line)) as own,
        _marked(settings),
    ):
        _say(console, f"the farm is up in {settings.run_folder}; Ctrl-C ends it")
        for name, pid in own.processes.pids.items():
            _say(console, f"{name}: process {pid}, log {settings.run_folder}/logs/{name}.log")
        while not stop.wait(_LOOK_SECONDS):
            for name in own.keep_alive():
                _say(console, f"{name} had died: started again")
        _say(console, "ending: workers finish or hand back what they hold")


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False)


@contextmanager
def _marked(settings: Settings) -> Iterator[None]:
    """Says to other commands that this farm works for everybody."""
    mark = marked_up(settings)
    mark.write_text(str(os.getpid()))
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
