"""Reads the journal that the reporter writes inside the jail, while it runs and afterwards."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, get_args

from selfheal.checks.outcomes import Failure, Outcome

# The file belongs to code that is not trusted: more than this is no journal.
_MOST_BYTES = 256 << 20


@dataclass(slots=True)
class Notes:
    """What a journal has said so far."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)
    collected: tuple[str, ...] | None = None
    fast: tuple[str, ...] = ()
    running: str = ""
    collecting: str = ""
    refused: str = ""
    why: str = ""
    begun: bool = False
    exit_code: int | None = None

    def take(self, entry: dict[str, Any]) -> None:
        """Adds one line of the journal; lines that the reporter would not write are ignored."""
        match entry:
            case {"kind": "begun"}:
                self.begun = True
            case {"kind": "collecting", "id": str(test)}:
                self.collecting = test
            case {"kind": "collected", "ids": list(tests), "fast": list(fast)}:
                self.collected, self.fast = tuple(map(str, tests)), tuple(map(str, fast))
                self.collecting = ""
            case {"kind": "running", "id": str(test)}:
                self.running = test
            case {"kind": "outcome", "id": str(test), "outcome": str(said)} if said in _OUTCOMES:
                self._note(test, _OUTCOMES[said], entry)
            case {"kind": "refused", "why": str(why), "message": str(message)}:
                self.why, self.refused = why, message
            case {"kind": "ended", "exit": int(code)}:
                self.exit_code = code

    def _note(self, test: str, outcome: Outcome, entry: dict[str, Any]) -> None:
        self.running = ""
        self.outcomes[test] = outcome
        self.durations[test] = float(entry.get("seconds", 0.0))
        self.failures.pop(test, None)
        failure = entry.get("failure")
        if isinstance(failure, dict):
            self.failures[test] = _failure(failure)


_OUTCOMES: dict[str, Outcome] = {outcome: outcome for outcome in get_args(Outcome)}


class Journal:
    """The file and what has been read of it; leaving the context removes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes = Notes()
        self._read = 0
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self.path.unlink()

    def follow(self) -> bool:
        """Reads what is new; True when there was something."""
        chunk = self._new_bytes()
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            with suppress(ValueError, TypeError):
                entry = json.loads(line)
                if isinstance(entry, dict):
                    self.notes.take(entry)
        return bool(chunk)

    def _new_bytes(self) -> bytes:
        # A hostile test may have put a link, a pipe or a folder in the file's place.
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return b""
        try:
            state = os.fstat(handle)
            if not stat.S_ISREG(state.st_mode) or state.st_size > _MOST_BYTES:
                return b""
            chunk = os.pread(handle, max(state.st_size - self._read, 0), self._read)
        finally:
            os.close(handle)
        self._read += len(chunk)
        return chunk


class Watchdog:
    """Asked by the sandbox while a run lasts; says stop when one test lasts too long.

    Time is counted from outside: nothing of it is in the way of tests that fork, use alarms or
    patch the clock.
    """

    def __init__(self, journal: Journal, *, test_seconds: float, stop: Callable[[], bool]) -> None:
        self._journal = journal
        self._test_seconds = test_seconds
        self._stop = stop
        self._since = time.monotonic()
        self.stopped = False
        self.hung = False

    def __call__(self) -> bool:
        if self._stop():
            self.stopped = True
        elif self._journal.follow():
            self._since = time.monotonic()
        elif time.monotonic() - self._since > self._test_seconds:
            self.hung = True
        return self.stopped or self.hung


def _failure(said: dict[str, Any]) -> Failure:
    return Failure(
        type=_printable(said.get("type")),
        message=_printable(said.get("message")),
        detail=_printable(said.get("detail")),
        path=_printable(said.get("path")),
        line=int(said.get("line", 0)),
        missing=_printable(said.get("missing")),
    )


def _printable(value: object) -> str:
    """The text without what a database refuses: NUL and halves of surrogate pairs."""
    return str(value or "").replace("\0", "\ufffd").encode(errors="replace").decode()
