"""The files of one commit with their blob ids, read from the object store without a checkout."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final, Protocol, Self

from selfheal.errors import InvalidInput
from selfheal.workspace.folder import is_showable
from selfheal.workspace.objects import BATCH_BYTES, Objects, TreeEntry

READ_BYTES: Final = 8 << 20
"""What one call of git brings when files are read in portions."""


class Files(Protocol):
    """Files by path, each known by the blob it holds."""

    def paths(self) -> tuple[str, ...]: ...
    def blob(self, path: str) -> str: ...
    def size(self, path: str) -> int: ...
    def portions(self, paths: Iterable[str]) -> Iterator[Mapping[str, bytes]]: ...


def tree_id(files: Files) -> str:
    """A digest of names and contents, as long as the id of a blob."""
    digest = hashlib.sha1(usedforsecurity=False)
    for path in files.paths():
        digest.update(f"{path}\0{files.blob(path)}\n".encode())
    return digest.hexdigest()


class Snapshot:
    """A source tree that knows by which blob each file is known. Nothing is written to disk."""

    def __init__(self, objects: Objects, entries: Iterable[TreeEntry]) -> None:
        self._objects = objects
        self._entries = {
            entry.path: entry for entry in entries if entry.is_file and is_showable(entry.path)
        }
        self._paths = tuple(sorted(self._entries))
        self._is_held: Callable[[str], bool] = lambda _: False

    @classmethod
    def at(cls, objects: Objects, sha: str) -> Self:
        """The regular files of a commit: no symlinks, no submodules, no unshowable names."""
        return cls(objects, objects.ls_tree(sha))

    def paths(self) -> tuple[str, ...]:
        """Every path, sorted."""
        return self._paths

    def blob(self, path: str) -> str:
        """The id of a file's content; raises KeyError for a path that is not in the commit."""
        return self._entries[path].oid

    def size(self, path: str) -> int:
        """Bytes of a file, without reading it; raises KeyError as `blob`."""
        return self._entries[path].size

    def read(self, path: str) -> bytes | None:
        """The content of a file; None when it is not in the commit.

        Raises InvalidInput for a file that is too large to be held in memory.
        """
        if path in self._held:
            return self._held[path]
        entry = self._entries.get(path)
        if entry is not None and entry.size > BATCH_BYTES:
            raise InvalidInput(f"expected at most {BATCH_BYTES} bytes, {path} has {entry.size}")
        return self.read_many([path]).get(path)

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """The contents of those paths that are in the commit, by one call of git.

        Without those that are too large to be held in memory.
        """
        return self._contents(self._wanted(paths))

    def portions(self, paths: Iterable[str]) -> Iterator[Mapping[str, bytes]]:
        """The same, portion by portion, so that never all are in memory at once."""
        portion: list[TreeEntry] = []
        total = 0
        for entry in self._wanted(paths):
            if portion and total + entry.size > READ_BYTES:
                yield self._contents(portion)
                portion, total = [], 0
            portion.append(entry)
            total += entry.size
        if portion:
            yield self._contents(portion)

    def holding(self, is_wanted: Callable[[str], bool]) -> Self:
        """The same files; those that are wanted come into memory when the first of any is read.

        For whoever reads all, one by one. The smallest come first, as far as memory may be used;
        the others are read when asked for.
        """
        held = type(self)(self._objects, self._entries.values())
        held._is_held = is_wanted
        return held

    @cached_property
    def _held(self) -> Mapping[str, bytes]:
        total = 0
        chosen: list[TreeEntry] = []
        found = self._wanted(filter(self._is_held, self._paths))
        for entry in sorted(found, key=lambda entry: (entry.size, entry.path)):
            total += entry.size
            if total > BATCH_BYTES:
                break
            chosen.append(entry)
        return self._contents(chosen)

    def _wanted(self, paths: Iterable[str]) -> list[TreeEntry]:
        found = (self._entries[path] for path in sorted(set(paths)) if path in self._entries)
        return [entry for entry in found if entry.size <= BATCH_BYTES]

    def _contents(self, entries: Iterable[TreeEntry]) -> dict[str, bytes]:
        asked = list(entries)
        contents = self._objects.contents([entry.oid for entry in asked]) if asked else []
        return {entry.path: content for entry, content in zip(asked, contents, strict=True)}
