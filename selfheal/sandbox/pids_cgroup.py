"""A hard bound on the number of processes of a jail that belongs to root.

The kernel does not apply RLIMIT_NPROC to root, under whatever uid root goes in a namespace, and a
watch alone can be outrun: on two busy cores a fork bomb reached 28,000 processes between two looks.
"""

from __future__ import annotations

import itertools
import os
from contextlib import suppress
from pathlib import Path

# The hierarchy of the pids controller in version 1, or the only one in version 2.
_ROOTS = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))
_PREFIX = "selfheal-jail-"


class PidsCgroup:
    """A cgroup of this process's own; `close` removes it once nothing runs in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.procs = str(path / "cgroup.procs")

    def join(self, pid: int) -> None:
        Path(self.procs).write_text(str(pid))

    def close(self) -> None:
        with suppress(OSError):
            self._path.rmdir()


def pids_cgroup(processes: int) -> PidsCgroup | None:
    """A new cgroup with that bound; None for an ordinary user or where no hierarchy is writable."""
    if os.geteuid() != 0:
        return None
    for root in _ROOTS:
        with suppress(OSError):
            _sweep(root)
            return _create(root, processes)
    return None


def _create(root: Path, processes: int) -> PidsCgroup:
    """Raises OSError where cgroups cannot be made or have no pids controller."""
    for number in itertools.count():
        path = root / f"{_PREFIX}{os.getpid()}-{number}"
        try:
            path.mkdir()
        except FileExistsError:
            continue
        break
    try:
        with (path / "pids.max").open("r+") as file:
            file.write(str(processes))
    except OSError:
        path.rmdir()
        raise
    return PidsCgroup(path)


def _sweep(root: Path) -> None:
    """Removes what farm processes left behind that were killed."""
    for path in root.glob(f"{_PREFIX}*"):
        owner = path.name.removeprefix(_PREFIX).split("-")[0]
        if not Path("/proc", owner).exists():
            with suppress(OSError):
                path.rmdir()
