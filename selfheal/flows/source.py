"""A commit of a mirror as the source tree that code planning reads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from selfheal.codegraph.source import MAX_SOURCE_BYTES, is_python
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.objects import BATCH_BYTES, TreeEntry


class CommitTree:
    """The regular files of one commit, read from git's objects without a checkout.

    Python files come in one batch at the first read of one: two processes of git per file would
    cost more than the parsing.
    """

    def __init__(self, mirror: Mirror, sha: str) -> None:
        self._mirror = mirror
        self._sha = sha

    def paths(self) -> tuple[str, ...]:
        """Every regular file, in git's order."""
        return tuple(self._entries)

    def read(self, path: str) -> bytes | None:
        """The file's bytes; None where there is no such regular file, or one beyond any bound."""
        entry = self._entries.get(path)
        if entry is None or entry.size > BATCH_BYTES:
            return None
        if path in self._sources:
            return self._sources[path]
        return self._mirror.read_file(self._sha, path, max_bytes=BATCH_BYTES)

    @cached_property
    def _entries(self) -> Mapping[str, TreeEntry]:
        return {entry.path: entry for entry in self._mirror.ls_tree(self._sha) if entry.is_file}

    @cached_property
    def _sources(self) -> Mapping[str, bytes]:
        """Python files as far as one batch goes, smallest first; the others are read singly."""
        wanted: list[str] = []
        total = 0
        for entry in sorted(self._entries.values(), key=lambda entry: (entry.size, entry.path)):
            if not is_python(entry.path):
                continue
            total += entry.size
            if entry.size > MAX_SOURCE_BYTES or total > BATCH_BYTES:
                break
            wanted.append(entry.path)
        return self._mirror.blobs(self._sha, wanted)
