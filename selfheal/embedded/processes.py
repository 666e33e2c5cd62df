"""The processes of a server: found, watched while they start, and ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from selfheal.embedded.run_folder import private_file
from selfheal.embedded.waiting import wait_until
from selfheal.errors import ServerUnavailable

LOG_LINES = 12
NEARLY_FULL = 32 << 20

# Nothing of the caller's environment reaches a server: it may hold keys. UTC also spares initdb the
# search for the machine's time zone.
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerProcesses:
    """All processes of one server of one run folder, whoever started them.

    They are known by program name and by `mark`, a text of their command line that no other farm's
    server has. Pid files are not asked: a pid in a file may be somebody else's by now.
    """

    server: str
    programs: frozenset[str]
    mark: str

    def pids(self) -> tuple[int, ...]:
        """The living ones; zombies have no command line and are not counted."""
        numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return tuple(pid for pid in numbers if self._is_ours(pid))

    def end(self, steps: Sequence[tuple[signal.Signals, float]]) -> None:
        """Send one signal after the other, each with its seconds of patience, until all are gone.

        Raises ServerUnavailable when some outlive the last signal.
        """
        for number, seconds in steps:
            pids = self.pids()
            for pid in pids:
                self._send(pid, number)
            if wait_until(lambda: not self.pids(), seconds=seconds):
                return
        raise ServerUnavailable(f"{self.server}: processes {self.pids()} do not end")

    def _is_ours(self, pid: int) -> bool:
        folder = Path("/proc", str(pid))
        try:
            ours = os.geteuid() in (0, folder.stat().st_uid)
            return (
                ours
                and (folder / "comm").read_text().strip() in self.programs
                and self.mark.encode() in (folder / "cmdline").read_bytes()
            )
        except OSError:  # it has just ended
            return False

    @staticmethod
    def _send(pid: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            # A paused process takes no signal but SIGKILL before it is woken.
            os.kill(pid, signal.SIGCONT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLog:
    """Where a server's output of this run goes; the run before it is kept beside it."""

    server: str
    path: Path

    def launch(
        self, command: Sequence[str], *, folders: Sequence[int] = (), cwd: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program in its own session: a Ctrl-C at the terminal is not meant for it.

        `folders` are descriptors that it inherits. Raises ServerUnavailable if it cannot start.
        """
        try:
            if self.path.exists():
                self.path.replace(self.path.with_suffix(".log.1"))
            with open(self.path, "wb", opener=private_file) as output:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=ENVIRONMENT,
                    cwd=cwd,
                    pass_fds=folders,
                    umask=0o077,
                    start_new_session=True,
                )
        except OSError as error:
            raise self.unavailable(f"could not be started ({error})") from error

    def await_ready(
        self, process: subprocess.Popen[bytes], answers: Callable[[], bool], *, seconds: float
    ) -> None:
        """Return when the server answers. Raises ServerUnavailable if it ends or takes too long."""
        wait_until(lambda: process.poll() is not None or answers(), seconds=seconds)
        if process.poll() is not None:
            raise self.unavailable(f"ended with code {process.returncode} while starting")
        if not answers():
            raise self.unavailable(f"did not answer within {seconds:.0f} s")

    def unavailable(self, problem: str) -> ServerUnavailable:
        """The error to raise: the problem, a full disk if that may be the cause, the log's end."""
        free = shutil.disk_usage(self.path.parent).free
        full = f"; its disk has only {free >> 20} MB free: make room" if free < NEARLY_FULL else ""
        return ServerUnavailable(
            f"{self.server} {problem}{full}; the last lines of {self.path}:\n{self._tail()}"
        )

    def _tail(self) -> str:
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        return "\n".join(f"  {line}" for line in lines[-LOG_LINES:]) or "  (it is empty)"
