"""What a jailed command finds at which path: the file system of a jail, as a list of mounts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from .jail import Jail

UID = GID = 1000
HOSTNAME = "jail"
HOME = "/tmp/home"  # noqa: S108  a folder of the jail's own tmpfs

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# No /etc/ssl as a whole: below it are private keys, and as root the jailed process owns them.
_SETTINGS = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
)
_TEXTS = {
    "/etc/passwd": f"{HOSTNAME}:x:{UID}:{GID}::{HOME}:/bin/sh\n",
    "/etc/group": f"{HOSTNAME}:x:{GID}:\n",
    "/etc/hosts": f"127.0.0.1 localhost {HOSTNAME}\n::1 localhost\n",
}


@dataclass(frozen=True, slots=True)
class Mount:
    """One entry of the jail's file system.

    `source` is a host path for binds, the text of a link or of a file; `size` bounds a tmpfs.
    """

    kind: Literal["read-only", "writable", "tmpfs", "folder", "link", "text"]
    target: str
    source: str = ""
    size: int = 0


def mounts_of(jail: Jail) -> list[Mount]:
    """Everything a jail shows, parents before what lies below them.

    Raises ValueError when the working directory is not an absolute path of a folder.
    """
    workdir = jail.workdir
    if not (workdir.is_absolute() and workdir.is_dir()):
        raise ValueError(f"a jail needs the absolute path of a folder to work in, found {workdir}")
    mounts = [*_system(), *_own(jail), *_readable(jail), *_worktree(workdir)]
    # A stable sort: of two entries for one path the later one, which is mounted on top, wins.
    return sorted(mounts, key=lambda mount: len(PurePosixPath(mount.target).parts))


def environment_of(jail: Jail, *, home: str = HOME) -> dict[str, str]:
    """The jail's environment, with the four variables that programs cannot do without."""
    defaults = {
        "HOME": home,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",  # noqa: S108  the jail's own
    }
    return defaults | dict(jail.environment)


def _system() -> Iterator[Mount]:
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            yield Mount("link", str(path), str(path.readlink()))
        elif path.is_dir():
            yield Mount("read-only", str(path), str(path))
    for path in map(Path, _SETTINGS):
        if path.exists():
            yield Mount("read-only", str(path), os.path.realpath(path))
    for name, text in _TEXTS.items():
        yield Mount("text", name, text)


def _own(jail: Jail) -> Iterator[Mount]:
    # Files of a tmpfs are memory that no process is charged for, so both stay well below the limit.
    size = max(jail.limits.memory_bytes // 4, 1 << 20)
    yield Mount("tmpfs", "/tmp", size=size)  # noqa: S108
    yield Mount("tmpfs", "/dev/shm", size=size)  # noqa: S108
    yield Mount("folder", HOME)


def _readable(jail: Jail) -> Iterator[Mount]:
    for path in jail.readable:
        end = Path(os.path.realpath(path))
        if not end.exists():
            continue
        # A link inside the worktree is there already; what it leads to is all that is missing.
        ways = {end} if path.is_relative_to(jail.workdir) else {path, end}
        for way in sorted(ways):
            if not any(way.is_relative_to(system) for system in _SYSTEM):
                yield Mount("read-only", str(way), str(end))


def _worktree(workdir: Path) -> Iterator[Mount]:
    yield Mount("writable", str(workdir), os.path.realpath(workdir))
    git = workdir / ".git"
    if git.exists() and not git.is_symlink():
        yield Mount("read-only", str(git), os.path.realpath(git))
