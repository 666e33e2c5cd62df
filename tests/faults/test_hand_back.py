"""A worker that is told to stop hands back what it works at; another one goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from selfheal.cli.processes import worker
from selfheal.contracts import names
from selfheal.contracts.names import POOLS
from tests.faults.conftest import fresh_arena
from tests.faults.harness import Arena, Boundary, Victim
from tests.faults.invariants import check_all
from tests.faults.project import plant

ONE = ("shop/stock.py",)
SECOND = "second"

Tell = Callable[[Arena, str, int], None]


@pytest.fixture(scope="module")
def two_workers(quick_disk: Path) -> Iterator[Arena]:
    """Liveness as it is shipped, so that only a hand-back is quick."""
    with fresh_arena(
        quick_disk, stop={"finish_seconds": 0.1}, safety={"allow_repos": ("/*",)}
    ) as made:
        made.processes.start(worker(SECOND, POOLS, processes=1))
        yield made


def sigterm(arena: Arena, name: str, main: int) -> None:
    os.kill(main, signal.SIGTERM)
    arena.await_that(lambda: "Asking child" in log_of(arena, name), what="a child that is asked")


def sigquit(arena: Arena, name: str, main: int) -> None:
    """The children are told; then the main process waits for them, with a thread of its own."""
    os.kill(main, signal.SIGQUIT)
    arena.await_that(
        lambda: len([*Path(f"/proc/{main}/task").iterdir()]) > 1, what="a pool that ends"
    )


def control_shutdown(arena: Arena, name: str, main: int) -> None:
    host = os.uname().nodename
    command = ("-m", "celery", "-b", arena.own.servers.broker_url, "control", "--timeout=0.1")
    subprocess.run(
        [sys.executable, "-P", *command, f"--destination={name}@{host}", "shutdown"],
        timeout=60,
        check=False,
        capture_output=True,
    )
    arena.await_that(lambda: "Asking child" in log_of(arena, name), what="a child that is asked")


@pytest.mark.parametrize(
    "tell",
    [
        sigterm,
        pytest.param(sigquit, marks=pytest.mark.slow),
        pytest.param(control_shutdown, marks=pytest.mark.slow),
    ],
)
def test_the_other_worker_goes_on_from_the_checkpoint(
    tell: Tell, two_workers: Arena, tmp_path: Path
) -> None:
    arena = two_workers
    told: list[int] = []

    def stop_its_worker(victim: Victim) -> None:
        main = parent_of(victim.pid)
        (name,) = (name for name, pid in arena.processes.pids.items() if pid == main)
        told.append(main)
        (arena.settings.run_folder / "logs" / f"{name}.log").write_bytes(b"")
        tell(arena, name, main)

    origin = plant(tmp_path, broken=ONE)
    arena.processes.keep_alive()  # the one that the test before this one has stopped
    arena.restarting = False
    request_id = arena.submit(origin)

    victim = arena.strike(request_id, Boundary(names.CODE, "drafted"), stop_its_worker)

    check_all(arena, request_id, origin)
    assert arena.endings(victim) == ["stopped", "accepted"], arena.story()
    rows = arena.rows(
        "SELECT split_part(worker, ':', 2)::int AS pid, checkpoint ? 'drafts' AS kept"
        " FROM attempts WHERE work = %s AND subject_id = %s ORDER BY number",
        victim.work,
        victim.subject_id,
    )
    stopped, accepted = rows
    assert accepted.kept and accepted.pid != stopped.pid
    await_end(arena, told[0])


def parent_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("PPid:"))


def log_of(arena: Arena, name: str) -> str:
    return (arena.settings.run_folder / "logs" / f"{name}.log").read_text(errors="replace")


def await_end(arena: Arena, pid: int) -> None:
    """It ends by itself."""
    process = next(child.process for child in arena.processes._children if child.process.pid == pid)
    arena.await_that(lambda: process.poll() is not None, what="the worker's own end")
