"""A real worker of the farm with tasks of the test's own, started as a person would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from selfheal.store import migrate

SECONDS = 40.0

# The farm's own app, with tasks that wait for a file or leave one.
_TASKS = """
import time
from pathlib import Path

from selfheal.celery import app


@app.task(name="test.hold")
def hold(begun, until):
    Path(begun).touch()
    while not Path(until).exists():
        time.sleep(0.02)


@app.task(name="test.touch")
def touch(path):
    Path(path).touch()
"""


@dataclass(frozen=True)
class WorkerProcess:
    """A worker's main process."""

    process: subprocess.Popen[bytes]
    log: Path

    def children(self) -> list[int]:
        """The pids of its children."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in listed.read_text().split()]

    def connections(self) -> int:
        """How many sockets its main process holds open."""
        opened = Path(f"/proc/{self.process.pid}/fd").iterdir()
        return sum(str(one.readlink()).startswith("socket:") for one in opened)

    def await_that(self, condition: Callable[[], object], *, what: str) -> None:
        """Raises AssertionError with the worker's log when it does not come true, or it ends."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            ended = self.process.poll()
            assert ended is None, f"{what}: the worker ended with {ended}\n{self.log.read_text()}"
            assert time.monotonic() < deadline, f"{what}: not in time\n{self.log.read_text()}"
            time.sleep(0.02)


Start = Callable[..., AbstractContextManager[WorkerProcess]]


@pytest.fixture(scope="session")
def migrated_url(fresh_database: Callable[..., str]) -> str:
    url = fresh_database()
    engine = create_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    return url


def environment_of(folder: Path, *, broker_url: str, database_url: str) -> dict[str, str]:
    """For a worker of a farm with these servers, and the test's own tasks."""
    (folder / "holding.py").write_text(_TASKS)
    return {
        "PYTHONPATH": str(folder),
        "SELFHEAL_FARM__RUN_FOLDER": str(folder / "run"),
        "SELFHEAL_FARM__BROKER_URL": broker_url,
        "SELFHEAL_FARM__DATABASE_URL": database_url,
    }


@pytest.fixture
def environment(
    tmp_path: Path, broker_url: str, fresh_database: Callable[..., str], migrated_url: str
) -> dict[str, str]:
    """A database and a broker for this test alone."""
    database_url = fresh_database(template=migrated_url)
    return environment_of(tmp_path, broker_url=broker_url, database_url=database_url)


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Start:
    """`with start("--queues=coding", SELFHEAL_X__Y="z") as worker`: once it is ready."""

    def run(*arguments: str, **settings: str) -> AbstractContextManager[WorkerProcess]:
        return running(tmp_path, environment | settings, *arguments)

    return run


def command(*arguments: str) -> list[str]:
    celery = [sys.executable, "-P", "-m", "celery", "-A", "holding", "worker"]
    return [*celery, "--without-gossip", "--without-mingle", "--loglevel=INFO", *arguments]


@contextmanager
def running(folder: Path, environment: dict[str, str], *arguments: str) -> Iterator[WorkerProcess]:
    """A worker, from when it is ready."""
    log = folder / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(*arguments),
            cwd=folder,
            env=os.environ | environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    worker = WorkerProcess(process, log)
    try:
        worker.await_that(lambda: " ready." in log.read_text(), what="a worker that is ready")
        yield worker
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end; one that does not is killed with its children."""
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
