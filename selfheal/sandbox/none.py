"""The explicit unsafe mode: no sandbox, for a farm that runs inside one as a whole."""

from __future__ import annotations

from .git_guard import GitGuard
from .jail import Jail
from .mounts import environment_of
from .process import Process, spawn
from .provider import GATE, Provider
from .rlimits import bound, process_rlimits


class Unprotected(Provider):
    """Limits and a process group that is killed at the end; nothing else."""

    name = "none"
    protects_from: tuple[str, ...] = (
        "time, memory and output bombs, unless the command evades its process group",
    )
    leaves_open: tuple[str, ...] = (
        "EVERYTHING the farm's account may do: read its files and secrets, write, delete, use the "
        "network, signal and trace its processes",
        "processes that leave their process group, and all of them when the farm itself is killed",
        "changes of .git, which are noticed but not prevented",
    )

    def spawn(self, jail: Jail, git: GitGuard) -> Process:
        popen = spawn(
            (*GATE, *jail.argv),
            keep=(),
            environment=environment_of(jail, home="/nonexistent"),
            folder=str(jail.workdir),
        )
        return Process(popen, jail=jail, git=git, outer_levels=0)

    def release(self, process: Process, jail: Jail) -> None:
        bound(process.launcher, process_rlimits(jail.limits))
        process.stdin.write(b"\n")
