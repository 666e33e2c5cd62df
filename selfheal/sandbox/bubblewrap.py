"""The provider that uses the installed program bubblewrap."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress

from ..errors import SandboxUnavailable
from .git_guard import GitGuard
from .jail import Jail
from .mounts import GID, HOSTNAME, UID, Mount, environment_of, mounts_of
from .pids_cgroup import pids_cgroup
from .process import Process, in_memory, spawn
from .provider import Provider
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

    def launch(self, jail: Jail) -> Process:
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxUnavailable("bwrap is not on PATH")
        guard = GitGuard(jail.workdir)
        mounts = mounts_of(jail)
        texts = tuple(in_memory(one.source.encode()) for one in mounts if one.kind == "text")
        calls = in_memory(filter_program())
        report, said = os.pipe()
        held, go = os.pipe()
        options = [*arguments(jail, mounts, texts), "--json-status-fd", str(said)]
        options += ["--block-fd", str(held), "--seccomp", str(calls)]
        listed = in_memory("\0".join(options).encode(errors="surrogateescape"))
        popen = spawn(
            (program, "--args", str(listed), "--", *_command(jail.argv)),
            keep=(listed, calls, said, held, *texts),
            ours=(report, go),
        )
        cgroup = pids_cgroup(most_tasks(jail.limits))
        process = Process(
            popen, jail=jail, git=guard, report=report, marker=b'"exit-code"', cgroup=cgroup
        )
        try:
            # Where the first process is gone already, the end of bubblewrap tells why.
            with suppress(ProcessLookupError):
                first = _first_process(report)
                # bubblewrap ends with the command and leaves what the command left to the kernel.
                process.hold(first)
                bound(first, jail_rlimits(jail.limits))
                if cgroup:
                    cgroup.join(first)
        except BaseException:
            process.close()
            raise
        finally:
            # bubblewrap has waited for this end before it sets up anything.
            os.close(go)
        return process


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


def _command(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The command through env(1), which tells a missing program (127) from a jail that failed."""
    return argv if "=" in argv[0] else ("/usr/bin/env", "--", *argv)


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


def _first_process(report: int) -> int:
    """Host id of the jail's first process; ProcessLookupError when bubblewrap gave up before."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(report, 1)
        if not byte:
            raise ProcessLookupError
        line += byte
    return int(json.loads(line)["child-pid"])
