"""File locks between the processes of one host; a killed holder frees its lock at once."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selfheal.errors import TimedOut

_POLL_SECONDS = 0.05


@contextmanager
def file_lock(path: Path, *, seconds: float) -> Iterator[int]:
    """Holds the lock of this file, which is created where needed; gives its file descriptor.

    A child that inherits the descriptor keeps the lock until it ends too. The holder may delete the
    file. Raises TimedOut when another holder does not let go within `seconds`.
    """
    descriptor = _acquire(path, seconds=seconds)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(path: Path, *, seconds: float) -> int:
    deadline = time.monotonic() + seconds
    while (descriptor := _try_acquire(path)) is None:
        if time.monotonic() >= deadline:
            raise TimedOut(f"another process holds {path} (waited {seconds:g} s)")
        time.sleep(_POLL_SECONDS)
    return descriptor


def _try_acquire(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if _try_lock(descriptor) and _is_still(path, descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(path: Path, descriptor: int) -> bool:
    """False when the last holder deleted the file between our opening and our locking it: then
    somebody else may hold the lock of a new file with this name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
