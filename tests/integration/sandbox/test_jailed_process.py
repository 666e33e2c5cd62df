"""A command that is talked to, and the death of whoever talks to it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from test_limits import HOLD, is_free

from selfheal.errors import PatchRefused, TimedOut
from selfheal.sandbox.jail import Jail, Limits
from selfheal.sandbox.none import Unprotected
from selfheal.sandbox.proctree import descendants
from selfheal.sandbox.provider import Provider

WAIT = HOLD + "print('ready', flush=True); time.sleep(600)"

FARM = """
import sys
from pathlib import Path
from selfheal.sandbox.bubblewrap import Bubblewrap
from selfheal.sandbox.interpreter import interpreter_paths
from selfheal.sandbox.jail import Jail
from selfheal.sandbox.namespaces import Namespaces

sandbox = {"bubblewrap": Bubblewrap, "namespaces": Namespaces}[sys.argv[1]]()
python = Path(sys.executable)
jail = Jail(
    argv=(str(python), "-c", sys.argv[3]),
    workdir=Path(sys.argv[2]),
    readable=interpreter_paths(python),
)
process = sandbox.start(jail)
print(process.stdout.readline().decode(), flush=True)
process.wait()
"""


def _open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _mentions(text: str) -> list[Path]:
    """Processes with this text on their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if text.encode() in path.read_bytes():
                found.append(path)
    return found


def test_a_command_answers_over_its_pipes(runner: Provider, workdir: Path) -> None:
    with runner.start(Jail(argv=("cat",), workdir=workdir)) as process:
        process.stdin.write(b"question\n")
        answer = process.stdout.readline()
        process.stdin.close()
        code = process.wait(10)

    assert (answer, code) == (b"question\n", 0)


def test_leaving_the_context_kills_the_tree(
    runner: Provider, python: Callable[..., Jail], workdir: Path
) -> None:
    with runner.start(python(WAIT)) as process:
        assert process.stdout.readline() == b"ready\n"
        assert not is_free(workdir / "held")

    assert is_free(workdir / "held")


def test_waiting_has_an_end(runner: Provider, python: Callable[..., Jail]) -> None:
    with runner.start(python(WAIT)) as process:
        with pytest.raises(TimedOut):
            process.wait(0.05)
        process.kill()

        assert process.wait(10) == 137


def test_limits_hold_for_a_command_that_is_talked_to(
    runner: Provider, python: Callable[..., Jail], workdir: Path
) -> None:
    with runner.start(python(WAIT, limits=Limits(wall_seconds=0.5))) as process:
        assert process.wait(20) == 137
        assert process.struck == "wall"

    assert is_free(workdir / "held")


def test_a_changed_git_is_told_when_the_context_is_left(workdir: Path) -> None:
    jail = Jail(argv=("rm", ".git"), workdir=workdir)

    with pytest.raises(PatchRefused), Unprotected().start(jail) as process:
        process.wait(10)


def test_no_descriptor_and_no_cgroup_is_left(runner: Provider, workdir: Path) -> None:
    runner.run(Jail(argv=("true",), workdir=workdir))
    before = _open_descriptors()

    for _ in range(3):
        runner.run(Jail(argv=("true",), workdir=workdir))
        runner.start(Jail(argv=("true",), workdir=workdir)).close()

    assert _open_descriptors() == before
    assert not list(Path("/sys/fs/cgroup").glob(f"**/selfheal-jail-{os.getpid()}-*"))


def test_a_jail_dies_with_a_farm_that_is_killed(jailer: Provider, workdir: Path) -> None:
    argv = [sys.executable, "-c", FARM, jailer.name, str(workdir), WAIT]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as farm:
        assert farm.stdout is not None
        assert farm.stdout.readline() == b"ready\n"
        assert not is_free(workdir / "held")

        farm.send_signal(signal.SIGKILL)

        assert is_free(workdir / "held", within=10)


@pytest.mark.parametrize("moment", [0.0, 0.002, 0.005, 0.01, 0.02, 0.04])
def test_a_farm_that_is_killed_while_it_builds_a_jail_leaves_none(
    moment: float, jailer: Provider, workdir: Path
) -> None:
    source = FARM.replace("process = ", "print('building', flush=True); process = ")
    argv = [sys.executable, "-c", source, jailer.name, str(workdir), f"{WAIT}  # {workdir}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as farm:
        assert farm.stdout is not None
        assert farm.stdout.readline() == b"building\n"
        select.select([], [], [], moment)
        farm.send_signal(signal.SIGSTOP)
        started = [Path(f"/proc/{pid}") for pid in descendants(farm.pid, at_most=99)]

        farm.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 10
    while any(path.exists() for path in started) or _mentions(str(workdir)):
        assert time.monotonic() < deadline
        select.select([], [], [], 0.01)


def test_a_signal_to_its_own_group_does_not_reach_the_launcher(
    runner: Provider, workdir: Path
) -> None:
    jail = Jail(argv=("sh", "-c", "trap '' TERM; kill -TERM 0; echo alive"), workdir=workdir)

    assert runner.run(jail).stdout == "alive\n"
