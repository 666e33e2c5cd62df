"""From the kill of a worker to the restart of its task, ours and stock Celery's.

Ours is the farm with its default settings. Stock is Celery with late acknowledgement, rejection on
a lost child, and a visibility timeout of 8 s: by default it is an hour.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from celery import Celery
from sqlalchemy import text

from figures import stock
from figures.farm_run import WORKER, await_that, flat, no_op_farm, opened
from figures.figure import Figure
from figures.no_op import SLEEP
from selfheal.cli.farm import Own
from selfheal.embedded.provider import start_servers
from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.valkey import Valkey
from selfheal.flows.cancel import cancel
from selfheal.settings import Settings

LONGEST_STOCK_SECONDS = 180.0
_GOAL = "<= 10 s"


def figures(place: Path, *, with_stock: bool) -> Iterator[Figure]:
    """One kill of a child, and one of a whole worker."""
    ours = _ours(place)
    plain = _stock(place) if with_stock else {}
    for victim, seconds in ours.items():
        yield Figure(
            name=f"SIGKILL to {victim}, until its task runs again",
            ours=seconds,
            reference=plain.get(victim),
            against=f"stock, visibility {stock.VISIBILITY_SECONDS} s" if plain else "",
            unit="s",
            goal=_GOAL,
        )


def _ours(place: Path) -> dict[str, float]:
    settings = Settings(farm={"run_folder": place / "lost"})
    with no_op_farm(settings, children=1) as own:
        return {"a child": _lost(own, _kill_child), "a worker": _lost(own, _kill_worker)}


def _lost(own: Own, kill: Callable[[Own], None]) -> float:
    """Seconds, by the database's clock, from the kill to the begin of the next attempt."""
    round_ = opened(own, [flat(1)], goal=f"{SLEEP}3600")[0]
    task = round_.tasks[0]
    await_that(lambda: len(_begun(own, str(task))) == 1, what="the first attempt")
    with own.farm.database.statement() as connection:
        killed: float = connection.execute(_CLOCK).scalar_one()
    kill(own)

    def again() -> bool:
        own.keep_alive()  # as `selfheal up` does
        return len(_begun(own, str(task))) > 1

    await_that(again, what="the second attempt")
    seconds = _begun(own, str(task))[1] - killed
    cancel(own.farm, round_.request_id, who="the benchmark")
    return seconds


def _kill_child(own: Own) -> None:
    main = own.processes.pids[WORKER]
    for child in Path(f"/proc/{main}/task/{main}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)


def _kill_worker(own: Own) -> None:
    os.killpg(own.processes.pids[WORKER], signal.SIGKILL)


_CLOCK = text("SELECT extract(epoch FROM clock_timestamp())::float")
_BEGUN = text(
    "SELECT extract(epoch FROM started_at)::float FROM attempts"
    " WHERE subject_id = CAST(:task AS uuid) ORDER BY number"
)


def _begun(own: Own, task: str) -> list[float]:
    with own.farm.database.statement() as connection:
        return list(connection.execute(_BEGUN, {"task": task}).scalars())


def _stock(place: Path) -> dict[str, float]:
    folder = RunFolder.open(place / "lost-stock")
    with start_servers(folder):
        valkey = Valkey(folder)
        hosts = [valkey.virtual_host_url(number) for number in range(1, 5)]
        # Apart, for what the first one's dead worker held comes back in the second one's time.
        child, worker = stock.stock_app(*hosts[:2]), stock.stock_app(*hosts[2:])
        return {"a child": _stock_child(child, place), "a worker": _stock_worker(worker, place)}


def _stock_child(app: Celery, place: Path) -> float:
    journal = place / "stock-child"
    with stock.stock_worker(app, place / "stock-child.log", children=1) as worker:
        app.tasks["long"].delay(str(journal), 3600.0)
        await_that(lambda: stock.lines(journal, "began"), what="the stock task")
        killed = time.time()
        os.kill(stock.lines(journal, "began")[0].pid, signal.SIGKILL)
        seconds = _restarted(journal, killed)
        os.killpg(worker.pid, signal.SIGKILL)
    return seconds


def _stock_worker(app: Celery, place: Path) -> float:
    """A second worker is up already, so that only the broker's clock is measured."""
    journal = place / "stock-worker"
    with stock.stock_worker(app, place / "stock-1.log", children=1, name="first") as first:
        app.tasks["long"].delay(str(journal), 3600.0)
        await_that(lambda: stock.lines(journal, "began"), what="the stock task")
        with stock.stock_worker(app, place / "stock-2.log", children=1, name="second") as second:
            killed = time.time()
            os.killpg(first.pid, signal.SIGKILL)
            seconds = _restarted(journal, killed)
            os.killpg(second.pid, signal.SIGKILL)
    return seconds


def _restarted(journal: Path, killed: float) -> float:
    """Seconds until it began again; the longest wait where it did not."""
    try:
        await_that(
            lambda: len(stock.lines(journal, "began")) > 1,
            what="again",
            seconds=LONGEST_STOCK_SECONDS,
        )
    except TimeoutError:
        return LONGEST_STOCK_SECONDS
    return stock.lines(journal, "began")[1].at - killed
