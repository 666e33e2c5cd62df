"""CPU seconds of processes, from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from selfheal.embedded.provider import status
from selfheal.embedded.run_folder import RunFolder

_TICK = os.sysconf("SC_CLK_TCK")


def seconds_of(pids: Mapping[str, int], run_folder: Path) -> dict[str, float]:
    """CPU seconds so far of these processes and the run folder's servers, by name.

    Children count with whoever started them, those that have ended too.
    """
    servers = {one.name: one.pids for one in status(RunFolder.open(run_folder))}
    processes = {name: tuple(_with_children(pid)) for name, pid in pids.items()}
    return {name: sum(map(_seconds, found)) for name, found in (processes | servers).items()}


def between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What was spent in between, by name."""
    return {name: after[name] - before[name] for name in after}


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from _with_children(int(child))


def _seconds(pid: int) -> float:
    """Its own, and those of children that it has waited for; nothing for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICK
