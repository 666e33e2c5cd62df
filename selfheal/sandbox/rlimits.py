"""The kernel's own limits on each jailed process: the backstop of what `watch` keeps."""

from __future__ import annotations

import math
import os
import resource

from .jail import Limits

# What grows faster than the watch looks is held at a multiple of the limit; below it the watch
# decides, so that the limit which struck can be named.
_MEMORY_BACKSTOP = 4
_TASKS_BACKSTOP = 8
Rlimits = tuple[tuple[int, int], ...]
"""Pairs of a resource and its bound."""

NICE = 5
"""A jail yields to the farm: the watch must get its turn while a fork bomb runs."""


def process_rlimits(limits: Limits) -> Rlimits:
    """What holds for each process alone.

    Memory is bounded as private writable memory, since runtimes reserve far more addresses than
    they use.
    """
    return (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, math.ceil(limits.cpu_seconds) + 2),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_DATA, limits.memory_bytes * _MEMORY_BACKSTOP),
    )


def jail_rlimits(limits: Limits) -> Rlimits:
    """The same with a bound on processes, for a jail that has its own user namespace.

    It is of no effect where the jail's user is root outside: hence `pids_cgroup`.
    """
    if not _counts_per_namespace(os.uname().release):
        return process_rlimits(limits)
    return (*process_rlimits(limits), (resource.RLIMIT_NPROC, most_tasks(limits)))


def most_tasks(limits: Limits) -> int:
    """Processes and threads at which the kernel stops a bomb that has outrun the watch."""
    return limits.processes * _TASKS_BACKSTOP


def bound(pid: int, rlimits: Rlimits) -> None:
    """Limits a process that waits for it; its descendants inherit that."""
    for name, wanted in rlimits:
        _, hard = resource.prlimit(pid, name)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.prlimit(pid, name, (value, value))
    os.setpriority(os.PRIO_PROCESS, pid, NICE)


def _counts_per_namespace(release: str) -> bool:
    """Linux 5.14 and later; before, all processes of the account would be counted."""
    major, minor, *_ = release.split(".")
    return (int(major), int(minor.split("-")[0])) >= (5, 14)
