"""The index of repositories: what is known of each blob, and what is derived when it is not."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from selfheal.codegraph.facts import FileFacts
from selfheal.codegraph.grammar import language_of
from selfheal.codegraph.source import MAX_SOURCE_BYTES
from selfheal.errors import InvalidInput
from selfheal.index.deriving import derive
from selfheal.index.facts import facts_kind, unpacked
from selfheal.index.filling import Filling, Kept, Key, by_kind, fetched
from selfheal.index.snapshot import Files
from selfheal.index.store import BlobStore, MemoryStore
from selfheal.index.words import WORDS_KIND

FILLED_AT_ONCE: Final = 4_000
"""Files whose facts are in memory together while an index is filled: 30 MB."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many blobs were known when they were asked for, and how many had to be read.

    `seconds` went by until the facts of files were there, known or read.
    """

    hits: int = 0
    misses: int = 0
    seconds: float = field(default=0.0, compare=False)

    @property
    def hit_rate(self) -> float:
        """Between 0 and 1; 1 where nothing was asked for."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else 1.0


class Index:
    """Answers from a store; reads what the store does not know, and keeps it there.

    Many unknown files are read by processes beside this one: as many as this process may use
    processors, or `processes`.
    """

    def __init__(self, store: BlobStore | None = None, *, processes: int = 0) -> None:
        self._store = store or MemoryStore()
        self._processes = processes
        self.tally = Tally()

    def facts(self, files: Files, paths: Iterable[str]) -> dict[str, FileFacts]:
        """The facts of those paths that are source files there, by path.

        One that is too large has a `problem` and nothing else; so has one of a language whose
        grammar is not installed.
        """
        with self._timed():
            return self._facts(files, paths)

    def _facts(self, files: Files, paths: Iterable[str]) -> dict[str, FileFacts]:
        readable, too_large = _sources(files, paths)
        kinds = {path: facts_kind(language_of(path)) for path in readable}
        kept = self._kept(files, {(kind, files.blob(path)): path for path, kind in kinds.items()})
        known = {
            path: _unpacked(files, path, kind, kept[kind, files.blob(path)])
            for path, kind in kinds.items()
        }
        return known | {path: _refused(path) for path in too_large}

    def words(self, files: Files, paths: Iterable[str]) -> dict[str, bytes]:
        """What `WantedWords` looks in, of those paths that are source files there, by path."""
        readable, _ = _sources(files, paths)
        kept = self._kept(files, {(WORDS_KIND, files.blob(path)): path for path in readable})
        return {path: kept[WORDS_KIND, files.blob(path)] for path in readable}

    def fill(self, files: Files) -> None:
        """Know all that can be known of these files."""
        readable, _ = _sources(files, files.paths())
        asked = {
            (kind, files.blob(path)): path
            for path in readable
            for kind in (facts_kind(language_of(path)), WORDS_KIND)
        }
        known = {
            (kind, blob)
            for kind, blobs in by_kind(asked).items()
            for blob in self._store.known(kind, blobs)
        }
        missing = self._missing(asked, known)
        paths = list(missing)
        for start in range(0, len(paths), FILLED_AT_ONCE):
            some = {path: missing[path] for path in paths[start : start + FILLED_AT_ONCE]}
            for _ in Filling(self._store, files, some).run(processes=self._processes):
                pass  # it is in the store

    def _kept(self, files: Files, asked: Mapping[Key, str]) -> Kept:
        """What is kept under these keys, after what was missing has been derived from its path."""
        kept = fetched(self._store, asked)
        filling = Filling(self._store, files, self._missing(asked, kept.keys()))
        for derived in filling.run(processes=self._processes):
            kept.update(derived)
        return kept

    def _missing(self, asked: Mapping[Key, str], known: Collection[Key]) -> dict[str, list[str]]:
        """The kinds to be derived, by path; what was known and what was not is counted."""
        missing: dict[str, list[str]] = defaultdict(list)
        for key, path in asked.items():
            if key not in known:
                missing[path].append(key[0])
        hits, misses = self.tally.hits + len(known), self.tally.misses + len(asked) - len(known)
        self.tally = replace(self.tally, hits=hits, misses=misses)
        return missing

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            passed = time.monotonic() - began
            self.tally = replace(self.tally, seconds=self.tally.seconds + passed)


def _sources(files: Files, paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those of the paths that are source files there: to be read, and too large to be."""
    there = sorted(set(files.paths()).intersection(path for path in paths if language_of(path)))
    too_large = [path for path in there if files.size(path) > MAX_SOURCE_BYTES]
    return [path for path in there if files.size(path) <= MAX_SOURCE_BYTES], too_large


def _refused(path: str) -> FileFacts:
    return FileFacts(path, problem=f"more than {MAX_SOURCE_BYTES} bytes, or not here")


def _unpacked(files: Files, path: str, kind: str, kept: bytes) -> FileFacts:
    """The facts; those of a store that gives anything else are read again."""
    try:
        return unpacked(kept, path)
    except InvalidInput:
        (content,) = (portion[path] for portion in files.portions([path]))
        return unpacked(derive(kind, content), path)
