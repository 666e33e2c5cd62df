"""A commit of a mirror as the source tree that code planning reads."""

from __future__ import annotations

from functools import cached_property

from selfheal.workspace.mirror import Mirror


class CommitTree:
    """The regular files of one commit, read from git's objects without a checkout."""

    def __init__(self, mirror: Mirror, sha: str) -> None:
        self._mirror = mirror
        self._sha = sha

    @cached_property
    def _paths(self) -> tuple[str, ...]:
        entries = self._mirror.ls_tree(self._sha)
        return tuple(entry.path for entry in entries if entry.is_file)

    def paths(self) -> tuple[str, ...]:
        """Every regular file, in git's order."""
        return self._paths

    def read(self, path: str) -> bytes | None:
        """The file's bytes; None where there is no such regular file."""
        return self._mirror.read_file(self._sha, path)
