"""Bombs of each kind: the limit that struck is named, and nothing of the tree is left."""

from __future__ import annotations

import fcntl
import select
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from selfheal.sandbox.jail import Jail, Limits
from selfheal.sandbox.provider import Provider

HOLD = "import fcntl, time; held = open('held', 'w'); fcntl.flock(held, fcntl.LOCK_EX)\n"
FORK_BOMB = "import os\nwhile True: os.fork()"
SHELL_BOMB = "import os; os.execvp('sh', ['sh', '-c', 'b() { b | b & }; b; sleep 60'])"
THREAD_BOMB = """
import threading, time
while True:
    threading.Thread(target=time.sleep, args=(60,)).start()
"""
MEMORY_BOMB = "kept = []\nwhile True: kept.append(bytearray(1 << 22))"
SHARED_BOMB = """
import mmap, os
for _ in range(4):
    if os.fork() == 0:
        break
memory = mmap.mmap(-1, 1 << 30)
while True:
    memory.write(bytes(1 << 20))
"""
DAEMON = (
    HOLD
    + """
import os, sys
if os.fork():
    sys.exit(0)
os.setsid()
if os.fork():
    os._exit(0)
for fd in range(3):
    os.close(fd)
time.sleep(600)
"""
)


def is_free(path: Path, within: float = 0.0) -> bool:
    """Whether nobody holds a lock on the file: locks reach across namespaces."""
    deadline = time.monotonic() + within
    with path.open("r") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return False
                select.select([], [], [], 0.01)
            else:
                return True


@pytest.mark.parametrize("bomb", [FORK_BOMB, SHELL_BOMB, THREAD_BOMB])
def test_a_fork_bomb_is_struck_by_the_process_limit(
    bomb: str, jailer: Provider, python: Callable[..., Jail], workdir: Path
) -> None:
    done = jailer.run(python(HOLD + bomb, limits=Limits(wall_seconds=30, processes=32)))

    assert done.struck == "processes"
    assert is_free(workdir / "held")


@pytest.mark.parametrize("bomb", [MEMORY_BOMB, SHARED_BOMB])
def test_a_memory_bomb_is_struck_by_the_memory_limit(
    bomb: str, runner: Provider, python: Callable[..., Jail]
) -> None:
    done = runner.run(python(bomb, limits=Limits(wall_seconds=30, memory_bytes=100 << 20)))

    assert done.struck == "memory"
    assert done.peak_memory_bytes > 100 << 20


def test_memory_that_processes_share_is_counted_once(
    runner: Provider, python: Callable[..., Jail]
) -> None:
    source = """
import os, time
shared = bytearray(60 << 20)
for _ in range(5):
    if os.fork() == 0:
        time.sleep(0.4)
        os._exit(0)
for _ in range(5):
    os.wait()
"""

    done = runner.run(python(source, limits=Limits(wall_seconds=30, memory_bytes=150 << 20)))

    assert done.struck is None


def test_a_file_cannot_grow_beyond_its_limit(
    runner: Provider, python: Callable[..., Jail], workdir: Path
) -> None:
    source = "file = open('big', 'wb')\nwhile True: file.write(bytes(1 << 20)); file.flush()"

    done = runner.run(python(source, limits=Limits(wall_seconds=30, file_bytes=5 << 20)))

    assert "File too large" in done.stderr
    assert (workdir / "big").stat().st_size == 5 << 20


def test_the_tmp_folder_is_bounded(jailer: Provider, python: Callable[..., Jail]) -> None:
    source = """
for name in ("/tmp", "/tmp/home", "/dev/shm"):
    for number in range(1000):
        try:
            open(f"{name}/{number}", "wb").write(bytes(1 << 20))
        except OSError as error:
            print(error.strerror)
            break
"""

    done = jailer.run(python(source, limits=Limits(wall_seconds=30, memory_bytes=200 << 20)))

    assert done.stdout.splitlines() == ["No space left on device"] * 3


def test_a_sleeper_is_struck_by_the_wall_clock(
    runner: Provider, python: Callable[..., Jail], workdir: Path
) -> None:
    done = runner.run(python(HOLD + "time.sleep(600)", limits=Limits(wall_seconds=0.5)))

    assert (done.struck, done.exit_code) == ("wall", 137)
    assert is_free(workdir / "held")


def test_a_spinner_is_struck_by_the_cpu_limit(
    runner: Provider, python: Callable[..., Jail]
) -> None:
    done = runner.run(python("while True: pass", limits=Limits(wall_seconds=30, cpu_seconds=0.3)))

    assert done.struck == "cpu"
    assert done.cpu_seconds >= 0.3


def test_cpu_time_is_summed_over_children_that_have_ended(
    runner: Provider, python: Callable[..., Jail]
) -> None:
    source = """
import os, time
while True:
    if os.fork() == 0:
        begin = time.process_time()
        while time.process_time() < begin + 0.05:
            pass
        os._exit(0)
    os.wait()
"""

    done = runner.run(python(source, limits=Limits(wall_seconds=30, cpu_seconds=0.4)))

    assert done.struck == "cpu"


def test_a_daemon_does_not_outlive_its_run(
    jailer: Provider, python: Callable[..., Jail], workdir: Path
) -> None:
    done = jailer.run(python(DAEMON))

    assert (done.exit_code, done.struck) == (0, None)
    assert is_free(workdir / "held")


def test_a_flood_of_output_neither_blocks_nor_is_kept(
    runner: Provider, python: Callable[..., Jail]
) -> None:
    source = """
import sys
print("first")
sys.stdout.flush()
for _ in range(100):
    sys.stdout.buffer.write(b"x" * 1_000_000)
    sys.stderr.buffer.write(b"y" * 10_000)
print("last")
"""

    done = runner.run(python(source))

    assert (done.exit_code, done.struck) == (0, None)
    assert done.stdout.startswith("first\nxxx")
    assert done.stdout.endswith("xxxlast\n")
    assert f"[{100_000_011 - (4 << 20)} bytes elided]" in done.stdout
    assert done.stderr == "y" * 1_000_000


def test_an_endless_flood_is_struck_by_the_output_limit(
    runner: Provider, python: Callable[..., Jail]
) -> None:
    done = runner.run(
        python("while True: print('x' * 9999)", limits=Limits(wall_seconds=30, output_bytes=10_000))
    )

    assert done.struck == "output"
    assert len(done.stdout) < 11_000


def test_work_that_was_told_to_stop_is_killed(
    runner: Provider, python: Callable[..., Jail], workdir: Path
) -> None:
    done = runner.run(
        python(HOLD + "open('on', 'w'); time.sleep(600)"), stop=(workdir / "on").exists
    )

    assert done.struck == "stopped"
    assert is_free(workdir / "held")


def test_an_error_while_waiting_kills_the_tree(
    runner: Provider, python: Callable[..., Jail], workdir: Path
) -> None:
    def stop() -> bool:
        if (workdir / "on").exists():
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        runner.run(python(HOLD + "open('on', 'w'); time.sleep(600)"), stop=stop)

    assert is_free(workdir / "held")


def test_the_figures_of_a_run_are_those_of_the_command(
    runner: Provider, python: Callable[..., Jail]
) -> None:
    source = """
import time
kept = bytearray(64 << 20)
begin = time.process_time()
while time.process_time() < begin + 0.3:
    pass
"""

    done = runner.run(python(source))

    assert 64 << 20 < done.peak_memory_bytes < 128 << 20
    assert 0.3 <= done.cpu_seconds < 5
    assert done.wall_seconds >= 0.3


def test_input_is_fed_and_may_be_ignored(runner: Provider, workdir: Path) -> None:
    text = b"line\n" * 200_000

    read = runner.run(Jail(argv=("wc", "-c"), workdir=workdir), stdin=text)
    ignored = runner.run(Jail(argv=("true",), workdir=workdir), stdin=text)

    assert int(read.stdout) == len(text)
    assert ignored.exit_code == 0
