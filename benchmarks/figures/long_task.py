"""How often a task takes effect that lasts longer than the broker's visibility timeout."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import text

from figures import stock
from figures.farm_run import await_that, flat, no_op_farm, opened
from figures.figure import Figure
from figures.no_op import SLEEP
from figures.rounds import all_settled
from selfheal.embedded.provider import start_servers
from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.valkey import Valkey
from selfheal.settings import Settings

OURS_SECONDS, OURS_VISIBILITY = 75.0, 60  # a shorter timeout is refused by the settings
STOCK_SECONDS = 40.0
LONGEST_STOCK_SECONDS = 120.0


def figures(place: Path, *, with_stock: bool) -> Iterator[Figure]:
    """Accepted results of one task, beside the times that stock Celery's took effect."""
    yield Figure(
        name="effects of a task longer than the visibility timeout",
        ours=_ours(place),
        reference=_stock(place) if with_stock else None,
        against=f"stock, {STOCK_SECONDS:.0f} s at {stock.VISIBILITY_SECONDS} s",
        unit="",
        goal="1",
    )


def _ours(place: Path) -> float:
    settings = Settings(
        farm={"run_folder": place / "long"},
        broker={"visibility_timeout_seconds": OURS_VISIBILITY},
    )
    with no_op_farm(settings, children=2) as own:
        rounds = opened(own, [flat(1)], goal=f"{SLEEP}{OURS_SECONDS}")
        await_that(lambda: all_settled(own.farm.database, rounds), what="the end of the task")
        with own.farm.database.statement() as connection:
            effects: int = connection.execute(_EFFECTS, {"task": rounds[0].tasks[0]}).scalar_one()
    return float(effects)


_EFFECTS = text("SELECT count(*) FROM attempts WHERE subject_id = :task AND ending = 'accepted'")


def _stock(place: Path) -> float:
    """A worker that starts, as one does at any deployment, takes what the timeout gives back.

    One that runs looks each 100 s only, by kombu's defaults.
    """
    folder, journal = RunFolder.open(place / "long-stock"), place / "long-stock-journal"
    with start_servers(folder), ExitStack() as workers:
        valkey = Valkey(folder)
        app = stock.stock_app(valkey.virtual_host_url(1), valkey.virtual_host_url(2))

        def start(name: str) -> None:
            log = place / f"long-{name}.log"
            workers.enter_context(stock.stock_worker(app, log, children=1, name=name))

        start("first")
        app.tasks["long"].delay(str(journal), STOCK_SECONDS)
        await_that(lambda: _begun_for(journal, stock.VISIBILITY_SECONDS + 1), what="the timeout")
        start("second")
        await_that(
            lambda: _all_ended(journal), what="stock's effects", seconds=LONGEST_STOCK_SECONDS
        )
        return float(len(stock.lines(journal, "effect")))


def _begun_for(journal: Path, seconds: float) -> bool:
    begun = stock.lines(journal, "began")
    return bool(begun) and time.time() - begun[0].at > seconds


def _all_ended(journal: Path) -> bool:
    return len(stock.lines(journal, "effect")) == len(stock.lines(journal, "began"))
