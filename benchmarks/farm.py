"""What the farm promises in figures, beside Celery as everyone runs it.

    python benchmarks/farm.py [--only NAME ...] [--quick] [--json]

One line per figure: its name, ours, the reference, how many times better ours is, the goal. Ours
and the reference are measured in the same run, on the same servers or the same kind, which this
script starts; their data is in memory where it can be (`--place` puts it elsewhere). Names:

    joins       a chord's last header end to its body's start, against stock backends
    writes      results a second, against the stock database backend
    makespan    rounds of uneven tasks, against waves and the list-scheduling bound
    overhead    CPU per CodingTask whose body does nothing, tasks a second
    lost        SIGKILL to the restart of the task, against a visibility timeout of 8 s
    long        effects of a task longer than the visibility timeout
    bundle      one bundle of 10,000 tasks: memory, time, rows before and after retention

All of it takes about ten minutes on two idle cores. `--quick` takes a few minutes: it measures
less of each, and leaves out where the stock side has to be waited for, which its lines say.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import psycopg
import results
from celery import Celery
from figures import bundle, long_task, lost_worker, makespan, overhead
from figures.figure import Figure

from selfheal.embedded.provider import start_servers
from selfheal.embedded.run_folder import RunFolder
from selfheal.results import migrate as results_migrate
from selfheal.results.pool import conninfo
from selfheal.store import migrate
from selfheal.store.database import Database

Measure = Callable[[Path], Iterator[Figure]]
JOIN_GOAL = {results.REDIS: "<= the Redis backend", results.DATABASE: ""}
WRITE_GOAL = {"fork": ">= 6x", "spawn": ">= 45x"}


def main() -> None:
    chosen = _arguments()
    measures = _measures(quick=chosen.quick)
    shown: list[Figure] = []
    for name in chosen.only or measures:
        with tempfile.TemporaryDirectory(prefix="selfheal-farm-", dir=chosen.place) as place:
            for figure in measures[name](Path(place)):
                shown.append(figure)
                if not chosen.json:
                    print(line(figure), flush=True)
    if chosen.json:
        print(json.dumps([{**asdict(one), "ratio": one.ratio} for one in shown]))


def line(figure: Figure) -> str:
    """One figure for people."""
    reference = f"{figure.reference:10.2f}" if figure.reference is not None else " " * 10
    ratio = f"{figure.ratio:8.2f}x" if figure.ratio is not None else " " * 9
    said = f"{figure.name:62}{figure.ours:10.2f} {figure.unit:9}{reference}{ratio}"
    against = f"  against {figure.against}" if figure.against else ""
    goal = f"  goal {figure.goal}" if figure.goal else ""
    return f"{said}{against}{goal}".rstrip()


def _measures(*, quick: bool) -> dict[str, Measure]:
    sizes, repeats = ((10, 100), 4) if quick else ((10, 100, 1000), 10)
    graphs, per_graph = (4, 60) if quick else (50, 200)
    return {
        "joins": partial(_joins, sizes=sizes, repeats=repeats),
        "writes": partial(_writes, seconds=2.0 if quick else 6.0),
        "makespan": partial(_makespan, graphs=graphs, tasks=per_graph),
        "overhead": partial(overhead.figures, tasks=200 if quick else 1000),
        "lost": partial(lost_worker.figures, with_stock=not quick),
        "long": partial(long_task.figures, with_stock=not quick),
        "bundle": partial(bundle.figures, tasks=500 if quick else 10_000),
    }


def _joins(place: Path, *, sizes: Sequence[int], repeats: int) -> Iterator[Figure]:
    with _result_backends(place) as apps:
        for one in results.joins(apps, sizes, repeats):
            yield _of(one, JOIN_GOAL[one.name.partition("against ")[2]])


def _writes(place: Path, *, seconds: float) -> Iterator[Figure]:
    with _result_backends(place) as apps:
        for start, goal in WRITE_GOAL.items():
            yield _of(results.writes(start, apps, seconds), goal)


@contextmanager
def _result_backends(place: Path) -> Iterator[dict[str, Celery]]:
    folder = RunFolder.open(place / "run")
    with start_servers(folder) as servers:
        with psycopg.connect(conninfo(servers.database_url)) as connection:
            results_migrate.upgrade(connection)
        yield results.apps_on(folder, servers.database_url)


def _of(one: results.Figure, goal: str) -> Figure:
    name, _, against = one.name.partition(", against ")
    return Figure(
        name=name,
        ours=one.ours,
        reference=one.reference,
        against=against,
        unit=one.unit,
        goal=goal,
        better="higher" if one.better == "higher" else "lower",
    )


def _makespan(place: Path, *, graphs: int, tasks: int) -> Iterator[Figure]:
    with start_servers(RunFolder.open(place / "run")) as servers:
        database = Database(servers.database_url)
        migrate.upgrade(database.engine)
        yield from makespan.figures(database, graphs=graphs, tasks=tasks)
        database.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    names = tuple(_measures(quick=True))
    parser.add_argument("--only", nargs="*", choices=names, default=(), metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="less of each, no waiting for stock")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    memory = results.MEMORY if os.access(results.MEMORY, os.W_OK) else None
    parser.add_argument("--place", type=Path, default=memory, help="folder for the servers' data")
    return parser.parse_args()


if __name__ == "__main__":
    main()
