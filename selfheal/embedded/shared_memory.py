"""The System V segment with which PostgreSQL guards its data folder.

It is 56 bytes that outlive a killed server. The next start on the same data takes it over, but
nothing ever would once that data is wiped, and the kernel has room for 4096 of them.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

IPC_RMID = 0
PID_FILE_LINE = 6  # "key id" (PostgreSQL: src/include/utils/pidfile.h, LOCK_FILE_LINE_SHMEM_KEY)


def remove_orphan(pid_file: Path) -> None:
    """Remove the segment that a dead server's pid file names, if nobody uses it and we may."""
    named = _named_in(pid_file)
    if named is not None and named in _unused():
        ctypes.CDLL(None).shmctl(named[1], IPC_RMID, None)


def _named_in(pid_file: Path) -> tuple[int, int] | None:
    try:
        key, number = pid_file.read_text().splitlines()[PID_FILE_LINE].split()
        return int(key), int(number)
    except (FileNotFoundError, IndexError, ValueError):  # it ended before it had made one
        return None


def _unused() -> set[tuple[int, int]]:
    """Key and id of each segment that no process has attached (proc(5): /proc/sysvipc/shm)."""
    header, *rows = Path("/proc/sysvipc/shm").read_text().splitlines()
    attached = header.split().index("nattch")
    segments = [row.split() for row in rows]
    return {(int(row[0]), int(row[1])) for row in segments if row[attached] == "0"}
