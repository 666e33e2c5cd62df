"""A started jail: its pipes, its end, and how it is brought about."""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType, TracebackType
from typing import IO, Self

from ..errors import SandboxUnavailable, TimedOut
from .git_guard import GitGuard
from .jail import Jail, Limit
from .pids_cgroup import PidsCgroup
from .proctree import children
from .watch import TICK, Watch

_KILL_SECONDS = 10.0
_MESSAGE = 4096


def in_memory(data: bytes) -> int:
    """A descriptor from which a child can read these bytes; `spawn` closes it."""
    descriptor = os.memfd_create("selfheal")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def spawn(
    argv: tuple[str, ...],
    *,
    keep: tuple[int, ...],
    environment: Mapping[str, str] = MappingProxyType({}),
    folder: str = "/",
) -> subprocess.Popen[bytes]:
    """Starts a launcher in a session of its own; it inherits nothing of our environment.

    The descriptors in `keep` go to the launcher; on our side they are closed in any case.
    """
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=environment,
            cwd=folder,
            pass_fds=keep,
            start_new_session=True,
        )
    finally:
        for descriptor in keep:
            os.close(descriptor)


class Process:
    """One jailed command with its launcher; leaving the context kills its whole process tree.

    Leaving it raises PatchRefused when the command has changed `.git`.

    `outer_levels` is explained at `Watch`; a `cgroup` is removed at the end.

    The jail dies with the thread that started it, not only with the process: the kernel's
    parent-death signal is bound to threads (prctl(2), PR_SET_PDEATHSIG).
    """

    def __init__(
        self,
        popen: subprocess.Popen[bytes],
        *,
        jail: Jail,
        git: GitGuard,
        cgroup: PidsCgroup | None = None,
        outer_levels: int = 2,
    ) -> None:
        assert popen.stdin and popen.stdout and popen.stderr
        self.stdin: IO[bytes] = popen.stdin
        self.stdout: IO[bytes] = popen.stdout
        self.stderr: IO[bytes] = popen.stderr
        self.struck: Limit | None = None
        self.usage: resource.struct_rusage | None = None
        self.launcher = popen.pid
        self.watch = Watch(popen.pid, limits=jail.limits, outer_levels=outer_levels)
        self._popen = popen
        self._git = git
        self._cgroup = cgroup
        self._outer_levels = outer_levels
        self._ended = os.pidfd_open(popen.pid)
        self._first: int | None = None
        self._lock = threading.Lock()
        self._left = threading.Event()
        self._guard: threading.Thread | None = None

    def await_start(self, within: float) -> None:
        """Waits for the empty line on stdout that a launcher prints when the jail is built.

        Raises SandboxUnavailable, with what the launcher said instead, when it ends before that or
        takes more than so many seconds.
        """
        out = self.stdout.fileno()
        if _readable(out, within) and os.read(out, 1) == b"\n":
            return
        self.kill()
        said = os.read(self.stderr.fileno(), _MESSAGE).decode(errors="replace").strip()
        raise SandboxUnavailable(f"the jail could not be built: {said or 'no reason given'}")

    def hold(self, first: int) -> None:
        """Makes the end of the jail's first process a part of its end.

        Needed for a launcher that does not wait for it. Raises ProcessLookupError.
        """
        self._first = os.pidfd_open(first)

    def confine(self, pid: int) -> None:
        """Puts a process that waits under the cgroup's bound, where there is one."""
        if self._cgroup:
            self._cgroup.join(pid)

    def guard(self) -> None:
        """Watches the limits in a thread of its own, for a command that is talked to."""
        self._guard = threading.Thread(target=self._keep_limits, name="jail-limits", daemon=True)
        self._guard.start()

    def strike(self, limit: Limit) -> None:
        """Kills the tree because of a limit; the first one is remembered."""
        self.struck = self.struck or limit
        if limit == "processes":
            self._stop_growth()
        self.kill()

    def _stop_growth(self) -> None:
        """Signals the process groups that were just seen.

        The end of a PID namespace waits until its first process gets its turn, and a fork bomb
        has many; a signal to a group reaches all of it at once, and who has one cannot fork.
        """
        for group in set(map(_group, self.watch.seen)) - {self._popen.pid, None}:
            assert group is not None
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)

    def kill(self) -> None:
        """Kills every process of the jail and waits until none is left."""
        with self._lock:
            if self._popen.returncode is not None:
                return
            self._kill_payload()
            if not self._reap(_KILL_SECONDS):
                signal.pidfd_send_signal(self._ended, signal.SIGKILL)
                self._reap(_KILL_SECONDS)

    def ended(self, within: float | None) -> bool:
        """Whether the command has ended, waiting at most so many seconds."""
        if not _readable(self._ended, within):
            return False
        with self._lock:
            return self._popen.returncode is not None or self._reap(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, 128 + n for a death by signal n.

        Raises TimedOut when the command still runs after `timeout` seconds.
        """
        if not self.ended(timeout):
            raise TimedOut(f"the jailed command still runs after {timeout} s")
        return self.exit_code

    @property
    def exit_code(self) -> int:
        code: int = self._popen.returncode
        return code if code >= 0 else 128 - code

    def _kill_payload(self) -> None:
        """Ends the jail from its first process.

        The kernel then ends the others before the launcher can see the end: when the launcher is
        gone, so is everything. Without a PID namespace the process group is all there is.
        """
        if self._outer_levels:
            first = children(self._popen.pid)
            for pid in first:
                _kill(pid)
            if not first:
                signal.pidfd_send_signal(self._ended, signal.SIGKILL)
        else:
            os.killpg(self._popen.pid, signal.SIGKILL)

    def _reap(self, within: float) -> bool:
        """Takes the exit status and the usage; the lock is held."""
        if not _readable(self._ended, within):
            return False
        if not self._outer_levels:
            os.killpg(self._popen.pid, signal.SIGKILL)
        _, status, self.usage = os.wait4(self._popen.pid, 0)
        self._popen.returncode = os.waitstatus_to_exitcode(status)
        if self._first is not None:
            _kill_held(self._first)
        # A bomb can hit the kernel's bound and collapse between two looks.
        if self._cgroup and self._cgroup.refused():
            self.struck = self.struck or "processes"
        return True

    def _keep_limits(self) -> None:
        while not self._left.wait(TICK) and not self.ended(0):
            limit = self.watch.look()
            if limit:
                self.strike(limit)

    def close(self) -> None:
        """Kills what still runs and gives back every descriptor; a second call does nothing."""
        if self._left.is_set():
            return
        self._left.set()
        self.kill()
        if self._guard:
            self._guard.join()
        for pipe in (self.stdin, self.stdout, self.stderr):
            _close(pipe)
        os.close(self._ended)
        if self._first is not None:
            os.close(self._first)
        if self._cgroup:
            self._cgroup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if error is None:
            self._git.check()


def _readable(fd: int, within: float | None) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(None if within is None else within * 1000))


def _kill_held(pidfd: int) -> None:
    """Kills a process that may be no child of ours, and waits for its end."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    _readable(pidfd, _KILL_SECONDS)


def _group(pid: int) -> int | None:
    with suppress(ProcessLookupError):
        return os.getpgid(pid)
    return None


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _close(pipe: IO[bytes]) -> None:
    with suppress(BrokenPipeError):
        pipe.close()
