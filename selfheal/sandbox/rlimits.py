"""The kernel's own limits on each jailed process: the backstop of what `watch` keeps."""

from __future__ import annotations

import math
import os
import resource

from .jail import Limits

# What grows faster than the watch looks is held at this multiple; below it the watch decides, so
# that the limit which struck can be named.
_BACKSTOP = 4
NICE = 5
"""A jail yields to the farm: the watch must get its turn while a fork bomb runs."""


def rlimits_of(limits: Limits) -> tuple[tuple[int, int], ...]:
    """Pairs of resource and bound.

    Memory is bounded as private writable memory, since runtimes reserve far more addresses than
    they use. The process count is of no effect where the jail's user is root outside.
    """
    bounds = [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, math.ceil(limits.cpu_seconds) + 2),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_DATA, limits.memory_bytes * _BACKSTOP),
    ]
    if _counts_per_namespace(os.uname().release):
        bounds.append((resource.RLIMIT_NPROC, limits.processes * _BACKSTOP))
    return tuple(bounds)


def bound(pid: int, limits: Limits) -> None:
    """Sets the limits of a process that waits for them; its descendants inherit them."""
    for name, wanted in rlimits_of(limits):
        _, hard = resource.prlimit(pid, name)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.prlimit(pid, name, (value, value))
    os.setpriority(os.PRIO_PROCESS, pid, NICE)


def _counts_per_namespace(release: str) -> bool:
    """Linux 5.14 and later; before, all processes of the account would be counted."""
    major, minor, *_ = release.split(".")
    return (int(major), int(minor.split("-")[0])) >= (5, 14)
