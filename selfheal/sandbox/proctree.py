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
    """Host ids of the direct children of a process; empty when it has none or is gone."""
    found: list[int] = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        return found
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


def _stat(pid: int) -> list[str]:
    """Fields of proc_pid_stat(5) from the third on; the second may hold spaces and brackets."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()
