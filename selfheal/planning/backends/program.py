"""An external program, run for one answer: bounded in time and output, and ended as a group."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from selfheal.errors import EnvironmentUnusable, TimedOut
from selfheal.planning.backends.backend import Check
from selfheal.sandbox.output import Elided

OUTPUT_BYTES: Final = 256 << 10
"""What is kept of each output stream: half of it from the beginning, half from the end."""

_TICK = 0.1
_CHUNK = 64 << 10  # what a pipe holds
_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended and what it printed."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command line, its standard input, the whole of its environment, and where it runs."""

    command: Sequence[str]
    stdin: IO[bytes]
    environment: Mapping[str, str]
    folder: Path

    def run(self, *, seconds: float, check: Check) -> Ended:
        """Its end; raises TimedOut after `seconds`, and whatever `check` raises meanwhile.

        It is the leader of a process group of its own, which is killed however this ends.
        """
        out, err = Elided(OUTPUT_BYTES), Elided(OUTPUT_BYTES)
        with self._start(seconds) as process, selectors.DefaultSelector() as streams:
            assert process.stdout and process.stderr
            streams.register(process.stdout, selectors.EVENT_READ, out)
            streams.register(process.stderr, selectors.EVENT_READ, err)
            try:
                _await(process, streams, seconds=seconds, check=check)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            # Once: whatever has left the group may hold the pipes open for ever.
            _read(streams, within=0)
        return Ended(process.returncode, out.text(), err.text())

    def _start(self, seconds: float) -> subprocess.Popen[bytes]:
        # `timeout` ends it even when this process was killed and can end nothing any more.
        last_net = ("timeout", "-k", "1", f"{seconds + _GRACE_SECONDS:g}")
        try:
            return subprocess.Popen(
                [*last_net, *self.command],
                stdin=self.stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=dict(self.environment),
                cwd=self.folder,
                start_new_session=True,
            )
        except OSError as error:
            raise EnvironmentUnusable(f"cannot run {self.command[0]}: {error}") from error


def _await(
    process: subprocess.Popen[bytes],
    streams: selectors.BaseSelector,
    *,
    seconds: float,
    check: Check,
) -> None:
    """Until it has ended; a full pipe would stop it, so what it prints is read meanwhile."""
    deadline = time.monotonic() + seconds
    while not _has_ended(process.pid):
        _read(streams, within=_TICK)
        check()
        if time.monotonic() > deadline:
            raise TimedOut(f"no answer within {seconds:g} s")


def _has_ended(pid: int) -> bool:
    """Without reaping it: as long as it is a zombie, the id of its group is nobody else's."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _read(streams: selectors.BaseSelector, *, within: float) -> None:
    for key, _ in streams.select(within):
        chunk = os.read(key.fd, _CHUNK)
        if chunk:
            key.data.add(chunk)
        else:
            streams.unregister(key.fileobj)
