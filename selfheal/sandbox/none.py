"""The explicit unsafe mode: no sandbox, for a farm that runs inside one as a whole."""

from __future__ import annotations

import os

from .git_guard import GitGuard
from .jail import Jail
from .mounts import environment_of
from .process import Process, spawn
from .provider import Provider
from .rlimits import bound, process_rlimits

# The shell waits until its limits are set, then becomes the command.
_WAIT = 'read -r go < "/dev/fd/$0"; exec "$@"'


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

    def launch(self, jail: Jail) -> Process:
        guard = GitGuard(jail.workdir)
        report, said = os.pipe()
        held, go = os.pipe()
        popen = spawn(
            ("/bin/sh", "-c", _WAIT, str(held), *jail.argv),
            keep=(held, said),
            ours=(report, go),
            environment=environment_of(jail, home="/nonexistent"),
            folder=str(jail.workdir),
        )
        try:
            bound(popen.pid, process_rlimits(jail.limits))
        finally:
            os.close(go)
        return Process(popen, jail=jail, git=guard, report=report, marker=b"", outer_levels=0)
