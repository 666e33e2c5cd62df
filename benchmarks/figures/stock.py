"""Celery as it comes, with the settings that everyone gives it for long work on a Redis broker.

`celery -A figures.stock worker`; the servers are named by the environment, as this module is
imported by Celery and has no caller to hand them in.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from celery import Celery

VISIBILITY_SECONDS = 8
BROKER, RESULTS = "SELFHEAL_BENCHMARK_BROKER", "SELFHEAL_BENCHMARK_RESULTS"


def stock_app(broker: str | None, results: str | None) -> Celery:
    """Late acknowledgement, one message per child, results in Redis, a short visibility timeout."""
    made = Celery("stock", broker=broker, backend=results, set_as_current=False)
    made.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_transport_options={"visibility_timeout": VISIBILITY_SECONDS},
        worker_send_task_events=True,
        worker_hijack_root_logger=False,
    )

    @made.task(name="nothing", shared=False)
    def nothing(name: str) -> str:
        return name

    @made.task(name="long", shared=False)
    def long(journal: str, seconds: float) -> None:
        """Say when it began and that it took effect, a line each."""
        note(journal, f"began {os.getpid()} {time.time()}")
        time.sleep(seconds)
        note(journal, f"effect {os.getpid()} {time.time()}")

    return made


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a journal; `at` is Unix time."""

    what: str
    pid: int
    at: float


def lines(journal: Path, what: str) -> list[Line]:
    """The journal's lines of that kind, in their order."""
    if not journal.exists():
        return []
    split = (line.split() for line in journal.read_text().splitlines())
    return [Line(kind, int(pid), float(at)) for kind, pid, at in split if kind == what]


def note(journal: str, line: str) -> None:
    """Append one line, whole."""
    with Path(journal).open("a") as file:
        file.write(f"{line}\n")


@contextmanager
def stock_worker(
    app: Celery, log: Path, *, children: int, name: str = "stock"
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of its own process group; killed with its children at the end."""
    urls = {BROKER: app.conf.broker_url, RESULTS: app.conf.result_backend}
    quiet = ("--without-gossip", "--without-mingle", "--loglevel", "INFO")
    command = (
        *(sys.executable, "-P", "-m", "celery", "-A", "figures.stock", "worker", *quiet),
        *("--concurrency", str(children), "-n", f"{name}@%h"),
    )
    here = {"PYTHONPATH": str(Path(__file__).parents[1])}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=os.environ | urls | here,
            cwd=log.parent,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        while not app.control.ping(destination=[_node(name)], timeout=0.5):
            assert process.poll() is None, log.read_text()
        yield process
    finally:
        end(process)


def _node(name: str) -> str:
    return f"{name}@{socket.gethostname()}"


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL to the whole group."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


app = stock_app(os.environ.get(BROKER), os.environ.get(RESULTS))
