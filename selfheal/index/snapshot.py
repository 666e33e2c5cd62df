"""The files of one commit with their blob ids, read from the object store without a checkout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

from selfheal.workspace.objects import Objects, TreeEntry


class Snapshot:
    """A source tree that knows by which blob each file is known. Nothing is written to disk."""

    def __init__(self, objects: Objects, entries: Iterable[TreeEntry]) -> None:
        self._objects = objects
        self._entries = {entry.path: entry for entry in entries if entry.is_file}

    @classmethod
    def at(cls, objects: Objects, sha: str) -> Self:
        """The regular files of a commit: no symlinks, no submodules."""
        return cls(objects, objects.ls_tree(sha))

    def paths(self) -> tuple[str, ...]:
        """Every path, sorted."""
        return tuple(sorted(self._entries))

    def blob(self, path: str) -> str:
        """The id of a file's content; raises KeyError for a path that is not in the commit."""
        return self._entries[path].oid

    def size(self, path: str) -> int:
        """Bytes of a file, without reading it; raises KeyError as `blob`."""
        return self._entries[path].size

    def read(self, path: str) -> bytes | None:
        """The content of a file; None when it is not in the commit."""
        return self.read_many([path]).get(path)

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """The contents of those paths that are in the commit, by one call of git."""
        wanted = [self._entries[path] for path in sorted(set(paths)) if path in self._entries]
        contents = self._objects.contents([entry.oid for entry in wanted])
        return {entry.path: content for entry, content in zip(wanted, contents, strict=True)}
