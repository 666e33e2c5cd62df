"""A worker that somebody starts inside a target repository runs our code, and none of the target's.

Celery looks into the working directory first for the app and for every task module; the target
here owns those names, and names of libraries that tasks load when they run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery

from selfheal.contracts import names

OWNED = ("selfheal", "tasks", "config", "git", "networkx", "psycopg", "radon", "sqlalchemy")
SECONDS = 40.0


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Every module leaves a file behind when it is imported."""
    for package in OWNED:
        (tmp_path / package).mkdir()
        for module in ("__init__", "celery", "plan", "cancel"):
            canary = f"open({str(tmp_path / package)!r} + '.canary', 'w').close()\n"
            (tmp_path / package / f"{module}.py").write_text(canary)
    return tmp_path


@contextmanager
def worker(target: Path, *, broker_url: str, database_url: str) -> Iterator[None]:
    """A worker of the light pools, started in the target as a person would."""
    command = [
        *(Path(sys.executable).parent / "celery", "-A", "selfheal", "worker"),
        *("--queues=intake,sweeping", "--concurrency=1", "--without-mingle"),
    ]
    settings = {
        "SELFHEAL_FARM__RUN_FOLDER": str(target / "run"),
        "SELFHEAL_FARM__BROKER_URL": broker_url,
        "SELFHEAL_FARM__DATABASE_URL": database_url,
    }
    with (target / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=target, env=os.environ | settings, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def tasks_started(app: Celery) -> dict[str, int]:
    """How many tasks of each name the workers have begun; empty while none answers."""
    answers = app.control.inspect(timeout=0.5).stats() or {}
    return {name: number for one in answers.values() for name, number in one["total"].items()}


def test_a_worker_imports_and_runs_our_tasks_only(
    target: Path, broker_url: str, database_url: str
) -> None:
    with (
        worker(target, broker_url=broker_url, database_url=database_url),
        Celery("sender", broker=broker_url, set_as_current=False) as app,
    ):
        app.send_task(names.CANCEL, args=["00000000-0000-0000-0000-000000000000"], queue="intake")

        deadline = time.monotonic() + SECONDS
        while not (started := tasks_started(app)) and time.monotonic() < deadline:
            pass  # asking takes half a second

    assert started == {names.CANCEL: 1}, (target / "worker.log").read_text()
    assert not list(target.glob("*.canary"))
