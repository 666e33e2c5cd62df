"""The result backend against Celery's own: how soon a chord's body starts, how fast results go in.

    python benchmarks/results.py [--headers 10 100 1000] [--repeats 10] [--seconds 6] [--json]

Join: from the end of the last header task to the start of the body, median, one worker of two
children per backend, all on one broker, chords of the three backends by turns, so that a busy
machine slows all alike. Writes: one SUCCESS after the other in one process, by turns as well; once
in a forked process as a worker's child is, where Celery's database backend keeps a pool, and once
in a process of its own as a thread pool, a web application or beat is, where it makes an engine per
call. Goals: a join no slower than the Redis backend's, 6 and 45 times the writes.

Starts its own servers; their data is in memory where it can be (`--place` puts it elsewhere), for a
disk costs each backend in PostgreSQL the same wait per commit, and Redis none.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import psycopg
from celery import Celery, chord, states

from selfheal.embedded.provider import start_servers
from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.valkey import Valkey
from selfheal.results import migrate
from selfheal.results.pool import conninfo

OURS, REDIS, DATABASE = "ours", "stock redis", "stock database"
WRITERS = {"fork": "forked", "spawn": "process of its own"}
MEMORY = Path("/dev/shm")
SLICE_SECONDS = 0.5
HEADER_TASKS = 500  # of one size and backend in all, so that wide headers do not take minutes
FEWEST = 3
TIMEOUT = 300.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: ours and a reference from the same run. Above 1 is good in `ratio`."""

    name: str
    ours: float
    reference: float
    unit: str
    better: str

    @property
    def ratio(self) -> float:
        """How many times better ours is."""
        more = self.ours / self.reference
        return more if self.better == "higher" else 1 / more


def make_app(broker: str, backend: str) -> Celery:
    """Tasks that say when they ended, and when they began."""
    app = Celery("benchmark", broker=broker, backend=backend, set_as_current=False)
    # 3 s in all, the default, is too short for the database backend to read 1,000 results.
    app.conf.update(result_chord_join_timeout=TIMEOUT, worker_hijack_root_logger=False)

    @app.task(name="header", shared=False)
    def header() -> float:
        return time.monotonic()

    @app.task(name="body", shared=False)
    def body(ends: list[float]) -> float:
        return time.monotonic() - max(ends)

    return app


def main() -> None:
    chosen = _arguments()
    if chosen.worker:
        _work(*chosen.worker)
        return
    with tempfile.TemporaryDirectory(prefix="selfheal-results-", dir=chosen.place) as place:
        folder = RunFolder.open(Path(place) / "run")
        with start_servers(folder) as servers:
            with psycopg.connect(conninfo(servers.database_url)) as connection:
                migrate.upgrade(connection)
            apps = apps_on(folder, servers.database_url)
            figures = [
                *joins(apps, chosen.headers, chosen.repeats),
                writes("fork", apps, chosen.seconds),
                writes("spawn", apps, chosen.seconds),
            ]
    if chosen.json:
        print(json.dumps([{**asdict(one), "ratio": one.ratio} for one in figures]))
    else:
        for one in figures:
            print(
                f"{one.name:50}{one.ours:10.1f}{one.reference:10.1f} {one.unit:9} {one.ratio:7.2f}x"
            )


def apps_on(folder: RunFolder, database: str) -> dict[str, Celery]:
    valkey = Valkey(folder)
    backends = {
        OURS: f"selfheal+{database}",
        REDIS: valkey.virtual_host_url(9),
        DATABASE: f"db+{database}",
    }
    return {
        name: make_app(valkey.virtual_host_url(number), backend)
        for number, (name, backend) in enumerate(backends.items())
    }


def joins(apps: dict[str, Celery], headers: Sequence[int], repeats: int) -> Iterator[Figure]:
    with ExitStack() as workers:
        for app in apps.values():
            workers.enter_context(_worker(app))
            _join(app, 10)
        for size in headers:
            times = max(FEWEST, min(repeats, HEADER_TASKS // size))
            seconds = [{name: _join(app, size) for name, app in apps.items()} for _ in range(times)]
            medians = {name: 1000 * median(one[name] for one in seconds) for name in apps}
            for name in (REDIS, DATABASE):
                title = f"join of {size}, against {name}"
                yield Figure(title, medians[OURS], medians[name], "ms", better="lower")


def _join(app: Celery, size: int) -> float:
    """Seconds from the last header's end to the body's start."""
    task = app.tasks["header"]
    joined = chord([task.s() for _ in range(size)], app.tasks["body"].s(), app=app).apply_async()
    # Asked for by its id alone: else Celery asks about every header task each time it looks.
    seconds: float = app.AsyncResult(joined.id).get(timeout=TIMEOUT, interval=0.2)
    return seconds


@contextmanager
def _worker(app: Celery) -> Iterator[None]:
    urls = (app.conf.broker_url, app.conf.result_backend)
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, __file__, "--worker", *urls], stdout=log, stderr=log
        )
        try:
            while not app.control.ping(timeout=0.5, limit=1):
                assert process.poll() is None, "the worker did not start"
            yield
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: all its chords have ended
            process.wait()


def _work(broker: str, backend: str) -> None:
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR"]
    make_app(broker, backend).worker_main(["worker", "--concurrency=2", *quiet])


def writes(start: str, apps: dict[str, Celery], seconds: float) -> Figure:
    context: Any = multiprocessing.get_context(start)
    backends = {name: apps[name].conf.result_backend for name in (OURS, DATABASE)}
    # Celery's database backend keeps a pool only where it was made before the fork.
    made = {name: apps[name].backend and apps[name] for name in backends}
    results = context.Queue()
    arguments = (made if start == "fork" else backends, seconds, results)
    process = context.Process(target=_measure_writes, args=arguments)
    process.start()
    rates = results.get(timeout=TIMEOUT)
    process.join()
    title = f"writes, {WRITERS[start]}, against {DATABASE}"
    return Figure(title, rates[OURS], rates[DATABASE], "results/s", better="higher")


def _measure_writes(given: dict[str, Celery | str], seconds: float, results: Any) -> None:
    apps = {
        name: Celery(name, backend=one) if isinstance(one, str) else one
        for name, one in given.items()
    }
    written = dict.fromkeys(apps, 0)
    spent = dict.fromkeys(apps, 0.0)
    for app in apps.values():
        _write_for(app, SLICE_SECONDS / 2)  # opens connections, prepares statements
    for _ in range(max(1, round(seconds / SLICE_SECONDS / 2))):
        for name, app in apps.items():
            begun = time.perf_counter()
            written[name] += _write_for(app, SLICE_SECONDS)
            spent[name] += time.perf_counter() - begun
    results.put({name: written[name] / spent[name] for name in apps})


def _write_for(app: Celery, seconds: float) -> int:
    end = time.perf_counter() + seconds
    count = 0
    while time.perf_counter() < end:
        app.backend.store_result(str(uuid4()), {"answer": count}, states.SUCCESS)
        count += 1
    return count


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--headers", nargs="*", type=int, default=(10, 100, 1000), metavar="N")
    parser.add_argument("--repeats", type=int, default=10, help="most chords of a size and backend")
    parser.add_argument("--seconds", type=float, default=6.0, help="of writing, in each process")
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    parser.add_argument("--place", type=Path, default=place, help="folder for the servers' data")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
