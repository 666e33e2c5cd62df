"""Tells when a jailed command has changed what git trusts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from ..errors import PatchRefused

# Each of these makes git run programs or look for its data elsewhere.
_TRUSTED = ("HEAD", "config", "config.worktree", "commondir", "hooks", "info/attributes")


class GitGuard:
    """Remembers the `.git` of a worktree as it is now."""

    def __init__(self, workdir: Path) -> None:
        self._workdir = workdir
        self._before = fingerprint(workdir)

    def check(self) -> None:
        """Raises PatchRefused when `.git` is not what it was."""
        if self._before is not None and fingerprint(self._workdir) != self._before:
            raise PatchRefused(
                "git-untouched", ".git", "the jailed command changed it: throw this worktree away"
            )


def fingerprint(workdir: Path) -> str | None:
    """A digest of the `.git` file, or of the trusted parts of a `.git` folder; None without one."""
    git = workdir / ".git"
    if git.is_symlink():
        return f"link {git.readlink()}"
    if git.is_file():
        return _digest([git])
    if git.is_dir():
        return _digest([path for name in _TRUSTED for path in _files(git / name)])
    return None


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir() and not path.is_symlink():
        yield from sorted(path.iterdir())
    else:
        yield path


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes() if path.is_file() else b""
        digest.update(f"{path}\0{path.is_symlink()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
