"""Who derives what is not known yet: this process, or reader processes beside it (CP-12).

Parsing holds the interpreter's lock, so threads gain nothing; and a child of Celery's prefork pool
is daemonic, so it may not use multiprocessing. A plain subprocess works everywhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from typing import Final, Protocol, Self

from selfheal.index.child import OTHER_CODE
from selfheal.index.deriving import derive, without_facts
from selfheal.index.frames import read_frame, write_frame

FILES_PER_READER: Final = 50
"""A process takes 0.2 s to start, in which twenty files are parsed."""


class Reader(Protocol):
    """Derives from one blob after the other."""

    def derive(self, kind: str, blob: bytes) -> bytes: ...
    def close(self) -> None: ...


def readers_for(files: int, *, most: int = 0) -> int:
    """How many processes are worth starting for so many files; 0 means: read them here.

    At most one per processor that this process may use, or `most` where that is given.
    """
    available = most or len(os.sched_getaffinity(0))
    wanted = min(available, files // FILES_PER_READER)
    return wanted if wanted > 1 else 0


class OwnReader:
    """Reads in this process."""

    def derive(self, kind: str, blob: bytes) -> bytes:
        """As `deriving.derive` says."""
        return derive(kind, blob)

    def close(self) -> None:
        """Nothing is open."""


class ReaderProcess:
    """Reads in a process of its own, which is started anew when a blob has ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def derive(self, kind: str, blob: bytes) -> bytes:
        """What is derived from the blob; where that ends the process, that it did."""
        with suppress(OSError):
            if (answer := self._asked(kind, blob)) is not None:
                return answer
        if self._ended() == OTHER_CODE:
            return derive(kind, blob)
        return without_facts(kind, "reading it took too long or too much memory")

    @property
    def process_id(self) -> int:
        """Of the process that reads now; 0 where none does."""
        return self._process.pid if self._process is not None else 0

    def close(self) -> None:
        """End the process and wait for it."""
        if self._process is not None:
            self._process.kill()
            self._ended()

    def _ended(self) -> int:
        """The exit code of the process, once it has ended."""
        process, self._process = self._process, None
        if process is None:
            return 0
        assert process.stdin is not None and process.stdout is not None
        with suppress(OSError):
            process.stdin.close()
        process.stdout.close()
        return process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _asked(self, kind: str, blob: bytes) -> bytes | None:
        process = self._process = self._process or _started()
        assert process.stdin is not None and process.stdout is not None
        write_frame(process.stdin, kind.encode())
        write_frame(process.stdin, blob)
        return read_frame(process.stdout)


def _started() -> subprocess.Popen[bytes]:
    # -P: nothing is imported from the working directory.
    command = (sys.executable, "-P", "-m", "selfheal.index.child")
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
