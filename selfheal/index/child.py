"""A reader process: blobs come in on standard input, what is derived of each goes out.

`python -m selfheal.index.child`. It ends with its input, so with its parent. A blob that takes too
long or too much memory ends it, which its parent takes for an answer.
"""

from __future__ import annotations

import resource
import signal
import sys
from typing import IO, Final

from selfheal.index.deriving import derive
from selfheal.index.frames import read_frame, write_frame

BLOB_SECONDS: Final = 20.0
"""Of CPU time: a file of 1 MiB takes two at worst; what takes this long would take hours."""
MEMORY_BYTES: Final = 2 << 30
OTHER_CODE: Final = 3
"""The exit code of a process whose code is newer than that of its parent."""


def main() -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's is for the parent
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    answer(sys.stdin.buffer, sys.stdout.buffer)


def answer(incoming: IO[bytes], outgoing: IO[bytes]) -> None:
    """One frame out for each two in: kind and blob."""
    while (kind := read_frame(incoming)) is not None:
        blob = read_frame(incoming)
        if blob is None:
            return
        signal.setitimer(signal.ITIMER_PROF, BLOB_SECONDS)
        try:
            derived = derive(kind.decode(), blob)
        except KeyError:
            sys.exit(OTHER_CODE)
        write_frame(outgoing, derived)


if __name__ == "__main__":
    main()
