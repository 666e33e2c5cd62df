"""The private folder in which one farm on this machine keeps everything it writes."""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2s
from io import FileIO
from pathlib import Path
from typing import Self

from selfheal.embedded.waiting import wait_until
from selfheal.errors import EnvironmentUnusable, RunFolderBusy

# The kernel's limit on the path of a Unix socket is 108 bytes with the closing zero (unix(7)).
LONGEST_SOCKET_PATH = 107
LONGEST_SOCKET_NAME = "postgres/.s.PGSQL.5432"

# Not the caller's temporary folder: two processes of one farm may have different ones, and both
# must find the same sockets. What lies there is verified before it is used.
SHORT_FOLDERS = Path("/tmp")  # noqa: S108

# A previous owner that is just ending, or somebody asking for the owner, lets go within this time.
LOCK_PATIENCE = 0.5


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where servers, logs, mirrors and worktrees of one farm live; private to one user (0700).

    Get one from `open` or `find`, which verify it. The path is absolute, without symbolic links.
    """

    path: Path

    @classmethod
    def open(cls, path: Path) -> Self:
        """The run folder at `path`, created if missing.

        Raises EnvironmentUnusable where it cannot be created or written, is no folder, belongs to
        somebody else, or is open to others: permissions of what exists are never changed.
        """
        folder = cls(path.expanduser().resolve())
        folder.create()
        return folder

    @classmethod
    def find(cls, path: Path) -> Self | None:
        """The run folder at `path` if there is one; creates nothing. Raises like `open`."""
        folder = cls(path.expanduser().resolve())
        if not os.path.lexists(folder.path):
            return None
        for part in (folder.path, folder.sockets):
            if os.path.lexists(part):
                _verify_private(part)
        return folder

    def create(self) -> None:
        """Make what is missing of the folder and its parts. Raises like `open`."""
        parts = (self.data, self.logs, self.mirrors, self.worktrees, self.sockets)
        for part in (self.path, *parts):
            try:
                part.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise EnvironmentUnusable(
                    f"run folder {self.path}: {part} cannot be created ({error.strerror}): "
                    "free the place or name a folder that you may write"
                ) from error
            _verify_private(part)

    @property
    def data(self) -> Path:
        """The servers' data, one folder each; kept between runs."""
        return self.path / "data"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def mirrors(self) -> Path:
        return self.path / "mirrors"

    @property
    def worktrees(self) -> Path:
        return self.path / "worktrees"

    @property
    def sockets(self) -> Path:
        """The folder of the sockets: inside, unless clients could not use such a path."""
        inside = self.path / "sockets"
        longest = os.fsencode(inside / LONGEST_SOCKET_NAME)
        # libpq reads a comma as the border between two hosts.
        if len(longest) <= LONGEST_SOCKET_PATH and b"," not in longest:
            return inside
        return SHORT_FOLDERS / f"{self.mark}-{os.geteuid()}"

    @property
    def mark(self) -> str:
        """A short name for this folder, the same in every process."""
        return f"selfheal-{blake2s(os.fsencode(self.path), digest_size=8).hexdigest()}"

    @contextmanager
    def own(self) -> Iterator[None]:
        """Be the one process that runs a farm here, until the context ends or the process dies.

        Raises RunFolderBusy, naming the owner, when another process (or another context of this
        one) holds the folder. The kernel lets go of the lock of a killed owner.
        """
        with self._lock_file() as file:
            if not wait_until(lambda: _locked(file, fcntl.LOCK_EX), seconds=LOCK_PATIENCE):
                raise RunFolderBusy(
                    f"run folder {self.path} is in use by process {_pid_in(file) or 'unknown'}: "
                    "stop that one first (Ctrl-C, or kill it), or name another run folder"
                )
            file.truncate(0)
            # Only the message above needs it: on a full disk the servers say it better.
            with suppress(OSError):
                file.write(b"%d\n" % os.getpid())
            try:
                yield
            finally:
                file.truncate(0)

    def owner(self) -> int | None:
        """The pid of the living owner, or None."""
        with self._lock_file() as file:
            return None if _locked(file, fcntl.LOCK_SH) else _pid_in(file)

    def _lock_file(self) -> FileIO:
        path = self.path / "owner.lock"
        try:
            return open(path, "a+b", buffering=0, opener=private_file)
        except OSError as error:
            raise EnvironmentUnusable(
                f"run folder {self.path}: {path.name} cannot be written ({error.strerror}): "
                "free the place or name a folder that you may write"
            ) from error


def private_file(path: str, flags: int) -> int:
    """An opener, as `open` takes one, for files that only their owner may read."""
    return os.open(path, flags, 0o600)


def _locked(file: FileIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pid_in(file: FileIO) -> int | None:
    file.seek(0)
    pid = file.read().strip()
    return int(pid) if pid else None


def _verify_private(path: Path) -> None:
    """Refuse what another user could have made or could read: the servers trust this folder."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        problem = "is no folder: remove it or name another run folder"
    elif found.st_uid != os.geteuid():
        problem = f"belongs to {_user(found.st_uid)}, not to you: name another run folder"
    elif stat.S_IMODE(found.st_mode) & 0o077:
        problem = f"is open to other users: chmod 700 {path}, or name another run folder"
    elif not os.access(path, os.W_OK | os.X_OK):
        problem = "cannot be written: make it writable or name another run folder"
    else:
        return
    raise EnvironmentUnusable(f"run folder: {path} {problem}")


def _user(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user id {uid}"
