"""PostgreSQL's data folder: made whole, or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from selfheal.embedded.account import Account, path_of
from selfheal.embedded.binaries import PostgresBinaries
from selfheal.embedded.processes import ServerLog
from selfheal.embedded.waiting import wait_until

SECONDS = 120.0


def create_data(
    data: Path, binaries: PostgresBinaries, account: Account, *, superuser: str, log: ServerLog
) -> None:
    """Run initdb beside the final place, then rename: a killed one leaves no half-made data.

    The caller owns the run folder. Raises ServerUnavailable.
    """
    scratch = data.with_suffix(".new")
    try:
        _remove_remains(scratch, log)
        with account.folder(scratch) as descriptor:
            # Every process of initdb inherits this lock, even when its owner is killed.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            arguments = _arguments(path_of(descriptor), superuser)
            command = [*account.prefix, str(binaries.initdb), *arguments]
            _await_success(log.launch(command, folders=[descriptor]), log)
        scratch.rename(data)
    except OSError as error:
        raise log.unavailable(f"cannot create its data folder ({error})") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _arguments(data: str, superuser: str) -> list[str]:
    return [
        f"--pgdata={data}",
        f"--username={superuser}",
        # Safe behind a private socket; the reject is for the day somebody turns TCP on.
        "--auth-local=trust",
        "--auth-host=reject",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--data-checksums",
        "--no-instructions",
    ]


def _await_success(process: subprocess.Popen[bytes], log: ServerLog) -> None:
    try:
        code = process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise log.unavailable(f"initdb did not end within {SECONDS:.0f} s") from None
    if code != 0:
        raise log.unavailable(f"initdb ended with code {code}")


def _remove_remains(scratch: Path, log: ServerLog) -> None:
    """Remove what a killed initdb left, once its last process has let go of it."""
    if not scratch.exists():
        return
    descriptor = os.open(scratch, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not wait_until(lambda: _unlocked(descriptor), seconds=SECONDS):
            raise log.unavailable(f"an earlier initdb still runs in {scratch}")
    finally:
        os.close(descriptor)
    shutil.rmtree(scratch)


def _unlocked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
