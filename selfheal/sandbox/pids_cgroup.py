"""A hard bound on the number of processes of a jail that belongs to root.

The kernel does not apply RLIMIT_NPROC to root, under whatever uid root goes in a namespace, and a
watch alone can be outrun: on two busy cores a fork bomb reached 28,000 processes between two looks.
"""

from __future__ import annotations

import itertools
import os
import time
from contextlib import suppress
from pathlib import Path

# The hierarchy of the pids controller in version 1, or the only one in version 2.
_ROOTS = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))
_TRIES, _PAUSE = 50, 0.002
_PREFIX = "selfheal-jail-"


class PidsCgroup:
    """A cgroup of this process's own; `close` removes it once nothing runs in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.procs = str(path / "cgroup.procs")

    def join(self, pid: int) -> None:
        Path(self.procs).write_text(str(pid))

    def refused(self) -> bool:
        """Whether the kernel has refused a fork because of the bound (`max` in pids.events)."""
        try:
            events = (self._path / "pids.events").read_text().split()
        except OSError:
            return False
        return dict(zip(events[::2], events[1::2], strict=False)).get("max", "0") != "0"

    def close(self) -> None:
        """Removes the cgroup; where the kernel will not, a later process sweeps it away."""
        for _ in range(_TRIES):
            try:
                self._path.rmdir()
            except OSError:
                # A reaped process may leave its cgroup only when it has been switched out.
                time.sleep(_PAUSE)
            else:
                return


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
