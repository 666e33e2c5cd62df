"""The provider that needs no installed program: Linux namespaces, built by our own launcher."""

from __future__ import annotations

import marshal
import os
import sys
from dataclasses import astuple
from pathlib import Path

from .git_guard import GitGuard
from .jail import Jail
from .mounts import GID, HOSTNAME, UID, Mount, environment_of, mounts_of
from .pids_cgroup import PidsCgroup, pids_cgroup
from .process import Process, in_memory, spawn
from .provider import Provider
from .rlimits import NICE, jail_rlimits, most_tasks
from .seccomp import filter_program

_LAUNCHER = Path(__file__).with_name("launcher.py")


class Namespaces(Provider):
    """User, PID, mount, network, IPC, UTS and cgroup namespaces; needs Linux 5.12.

    The caller's uid is mapped to an ordinary one that has no capability and can make no further
    namespace (user_namespaces(7)).
    """

    name = "namespaces"
    fix = (
        "allow user namespaces: sysctl user.max_user_namespaces above 0, on Debian "
        "kernel.unprivileged_userns_clone=1, on Ubuntu "
        "kernel.apparmor_restrict_unprivileged_userns=0; in a container, its seccomp profile; "
        "Linux >= 5.12"
    )

    def spawn(self, jail: Jail, git: GitGuard) -> Process:
        mounts = mounts_of(jail)
        cgroup = pids_cgroup(most_tasks(jail.limits))
        plan = in_memory(marshal.dumps(_plan(jail, mounts, cgroup)))
        argv = (sys.executable, "-I", "-S", str(_LAUNCHER), str(plan))
        return Process(spawn(argv, keep=(plan,)), jail=jail, git=git, cgroup=cgroup)


def _plan(jail: Jail, mounts: list[Mount], cgroup: PidsCgroup | None) -> dict[str, object]:
    """What the launcher needs, in types that marshal knows."""
    return {
        "parent": os.getpid(),
        "cgroup": cgroup.procs if cgroup else "",
        "argv": tuple(jail.argv),
        "environment": environment_of(jail),
        "workdir": str(jail.workdir),
        "mounts": tuple(astuple(mount) for mount in mounts),
        "rlimits": jail_rlimits(jail.limits),
        "nice": NICE,
        "hostname": HOSTNAME,
        "uid": UID,
        "gid": GID,
        "seccomp": filter_program(),
    }
