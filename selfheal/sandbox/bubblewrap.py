"""The provider that uses the installed program bubblewrap."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from ..errors import SandboxUnavailable
from .git_guard import GitGuard
from .jail import Jail
from .mounts import GID, HOSTNAME, UID, Mount, environment_of, mounts_of
from .pids_cgroup import pids_cgroup
from .process import Process, in_memory, spawn
from .proctree import children
from .provider import GATE, Provider
from .rlimits import bound, jail_rlimits, most_tasks
from .seccomp import filter_program

# As root, all namespaces alone are no sandbox: the command could remount the system writable. It
# takes an ordinary uid, no capability and no further namespaces as well (bubblewrap issue 287).
_ISOLATION = (
    "--unshare-user",
    "--unshare-all",
    "--disable-userns",
    "--uid", str(UID),
    "--gid", str(GID),
    "--hostname", HOSTNAME,
    "--cap-drop", "ALL",
    "--new-session",
    "--die-with-parent",
)  # fmt: skip


class Bubblewrap(Provider):
    """bubblewrap >= 0.8, started with an empty environment.

    The empty environment matters: in the jail, that of process 1 is readable through procfs, and
    process 1 is bubblewrap itself (bubblewrap issue 725).
    """

    name = "bubblewrap"
    fix = "install bubblewrap >= 0.8 (apt-get install bubblewrap), and allow user namespaces"

    def spawn(self, jail: Jail, git: GitGuard) -> Process:
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxUnavailable("bwrap is not on PATH")
        mounts = mounts_of(jail)
        cgroup = pids_cgroup(most_tasks(jail.limits))
        texts = tuple(in_memory(one.source.encode()) for one in mounts if one.kind == "text")
        calls = in_memory(filter_program())
        options = [*arguments(jail, mounts, texts), "--seccomp", str(calls)]
        listed = in_memory("\0".join(options).encode(errors="surrogateescape"))
        argv = (program, "--args", str(listed), "--", *GATE, *jail.argv)
        popen = spawn(argv, keep=(listed, calls, *texts))
        return Process(popen, jail=jail, git=git, cgroup=cgroup)

    def release(self, process: Process, jail: Jail) -> None:
        first = _only_child(process.launcher)
        # bubblewrap ends with the command and leaves what the command left to the kernel.
        process.hold(first)
        shell = _only_child(first)
        bound(shell, jail_rlimits(jail.limits))
        process.confine(shell)
        process.stdin.write(b"\n")


def arguments(jail: Jail, mounts: list[Mount], texts: tuple[int, ...]) -> Iterator[str]:
    """bubblewrap's options for a jail.

    They reach it through a descriptor, where neither `ps` nor the length of a command line matters.
    """
    yield from _ISOLATION
    yield from ("--proc", "/proc", "--dev", "/dev")
    unread = iter(texts)
    for mount in mounts:
        yield from _option(mount, unread)
    for folder in ("/proc", "/dev", "/"):
        yield from ("--remount-ro", folder)
    for name, value in environment_of(jail).items():
        yield from ("--setenv", name, value)
    yield from ("--chdir", str(jail.workdir))


def _option(mount: Mount, texts: Iterator[int]) -> tuple[str, ...]:
    match mount.kind:
        case "read-only":
            return "--ro-bind", mount.source, mount.target
        case "writable":
            return "--bind", mount.source, mount.target
        case "tmpfs":
            return "--perms", "1777", "--size", str(mount.size), "--tmpfs", mount.target
        case "folder":
            return "--dir", mount.target
        case "link":
            return "--symlink", mount.source, mount.target
        case "text":
            return "--perms", "0644", "--file", str(next(texts)), mount.target


def _only_child(pid: int) -> int:
    """Raises SandboxUnavailable when there is none."""
    found = children(pid)
    if len(found) != 1:
        raise SandboxUnavailable(f"expected one child of bubblewrap's process, found {len(found)}")
    return found[0]
