"""Runs a started jail to its end: feeds it, drains it, and holds it to its limits."""

from __future__ import annotations

import os
import resource
import selectors
import time
from collections.abc import Callable
from typing import IO

from .jail import Completed, Limits
from .output import Elided
from .process import Process
from .watch import TICK

_CHUNK = 1 << 16
_PIPE_CHUNKS = 16
# The first looks come early, so that a short command is seen at all.
_FIRST_LOOK = 0.005
# A stream this many times its kept size is no longer a log but a flood.
FLOOD = 64


class Supervision:
    """The conversation with one jailed command."""

    def __init__(self, process: Process, *, limits: Limits, stdin: bytes) -> None:
        self._process = process
        self._limits = limits
        self._pending = memoryview(stdin)
        self._kept = {
            process.stdout: Elided(limits.output_bytes),
            process.stderr: Elided(limits.output_bytes),
        }
        self._selector = selectors.DefaultSelector()
        self._pause = _FIRST_LOOK
        self._next_look = time.monotonic() + _FIRST_LOOK

    def run(self, stop: Callable[[], bool]) -> Completed:
        """Returns when the command has ended or was killed."""
        with self._selector:
            self._open_pipes()
            while not self._process.ended(0 if self._selector.get_map() else self._pause):
                self._pump(max(self._next_look - time.monotonic(), 0))
                self._look(stop)
            # More than a pipe can hold is not waited for: a daemon may be writing still.
            for _ in range(_PIPE_CHUNKS):
                self._pump(0)
        return self._completed()

    def _open_pipes(self) -> None:
        for pipe in self._kept:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ)
        os.set_blocking(self._process.stdin.fileno(), False)
        self._selector.register(self._process.stdin, selectors.EVENT_WRITE)

    def _pump(self, within: float) -> bool:
        """Moves what can be moved now; False when nothing could."""
        if not self._selector.get_map():
            return False
        ready = self._selector.select(within)
        for key, _ in ready:
            pipe = key.fileobj
            if pipe is self._process.stdin:
                self._feed(self._process.stdin)
            else:
                self._drain(pipe)  # type: ignore[arg-type]
        return bool(ready)

    def _feed(self, pipe: IO[bytes]) -> None:
        try:
            sent = os.write(pipe.fileno(), self._pending[:_CHUNK]) if self._pending else 0
        except BrokenPipeError:
            sent = len(self._pending)
        self._pending = self._pending[sent:]
        if not self._pending:
            self._selector.unregister(pipe)
            pipe.close()

    def _drain(self, pipe: IO[bytes]) -> None:
        chunk = os.read(pipe.fileno(), _CHUNK)
        self._kept[pipe].add(chunk)
        if not chunk:
            self._selector.unregister(pipe)

    def _look(self, stop: Callable[[], bool]) -> None:
        if time.monotonic() < self._next_look:
            return
        limit = self._process.watch.look()
        if limit is None and any(
            kept.seen > FLOOD * self._limits.output_bytes for kept in self._kept.values()
        ):
            limit = "output"
        if limit is None and stop():
            limit = "stopped"
        if limit:
            self._process.strike(limit)
        self._pause = min(2 * self._pause, TICK)
        self._next_look = time.monotonic() + self._pause

    def _completed(self) -> Completed:
        process, watch = self._process, self._process.watch
        out, err = (kept.text() for kept in self._kept.values())
        usage = process.usage
        assert usage is not None
        return Completed(
            exit_code=process.exit_code,
            stdout=out,
            stderr=err,
            wall_seconds=watch.wall_seconds,
            cpu_seconds=max(watch.cpu_seconds, usage.ru_utime + usage.ru_stime),
            peak_memory_bytes=max(watch.peak_memory_bytes, _largest_child(usage)),
            struck=process.struck,
        )


def _largest_child(usage: resource.struct_rusage) -> int:
    """Peak of the largest process in bytes, or 0 where that figure may be our own.

    A child starts with its parent's memory, and the kernel counts that as the child's peak.
    """
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage.ru_maxrss << 10 if usage.ru_maxrss > ours else 0
