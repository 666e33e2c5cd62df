"""What the processes of a jail use at this moment, read from procfs of the host."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_CLOCK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Counts, bytes and seconds of one process tree."""

    processes: int = 0
    threads: int = 0
    memory_bytes: int = 0
    cpu_seconds: float = 0.0


def children(pid: int) -> list[int]:
    """Host ids of the direct children of a process; empty when it has none or is gone.

    Of a process with very many children only some hundreds are given for each of its threads.
    """
    found: list[int] = []
    for thread in _names(f"/proc/{pid}/task"):
        text = _beginning(f"/proc/{pid}/task/{thread}/children")
        # The last number may be cut off; a whole one is followed by a space.
        found += map(int, text[: text.rfind(b" ") + 1].split())
    return found


def descendants(pid: int, *, at_most: int) -> list[int]:
    """Processes below `pid`; the walk ends at `at_most`, so a fork bomb cannot hold the reader."""
    found: list[int] = []
    waiting = children(pid)
    while waiting and len(found) < at_most:
        found.append(waiting.pop())
        waiting += children(found[-1])
    return found


def use_of(pids: list[int]) -> Use:
    """The sum over some processes.

    CPU time includes children that were waited for. Memory is the resident size: pages shared by
    several processes are counted for each, `proportional_bytes` is the exact, slower figure.
    """
    threads = memory = ticks = 0
    for pid in pids:
        fields = _stat(pid)
        if fields:
            ticks += sum(map(int, fields[11:15]))
            threads += int(fields[17])
            memory += int(fields[21]) * _PAGE
    return Use(
        processes=len(pids), threads=threads, memory_bytes=memory, cpu_seconds=ticks / _CLOCK
    )


def reaped_cpu_seconds(pid: int) -> float:
    """CPU time of the children that `pid` has waited for."""
    return sum(map(int, _stat(pid)[13:15])) / _CLOCK


def proportional_bytes(pids: list[int]) -> int:
    """Memory of some processes with every shared page divided among its users (PSS)."""
    return sum(map(_proportional, pids))


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  bare names, read often
    except (FileNotFoundError, ProcessLookupError):
        return []


def _beginning(path: str) -> bytes:
    """The first page of a file; the kernel walks lists of children in quadratic time."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  read often
            return file.read(4096)
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _stat(pid: int) -> list[str]:
    """Fields of proc_pid_stat(5) from the third on; the second may hold spaces and brackets."""
    return _beginning(f"/proc/{pid}/stat").rpartition(b")")[2].decode().split()
