"""The index of repositories: what is known of each blob, and what is derived when it is not."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final

from selfheal.codegraph.facts import FileFacts
from selfheal.codegraph.grammar import language_of
from selfheal.codegraph.source import MAX_SOURCE_BYTES
from selfheal.errors import InvalidInput, UnsupportedLanguage
from selfheal.index.deriving import derive
from selfheal.index.facts import facts_kind, unpacked
from selfheal.index.readers import OwnReader, Reader, ReaderProcess, readers_for
from selfheal.index.snapshot import Files
from selfheal.index.store import BlobStore, MemoryStore
from selfheal.index.words import WORDS_KIND

BATCH_FILES: Final = 64
"""Files that are derived and written together; as many are derived twice at worst."""
FILLED_AT_ONCE: Final = 4_000
"""Files whose facts are in memory at once when all are wanted and none is looked at: 40 MB."""

Kept = dict[tuple[str, str], bytes]
"""What is kept, by kind and blob."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many blobs were known when they were asked for, and how many had to be read."""

    hits: int = 0
    misses: int = 0

    @property
    def hit_rate(self) -> float:
        """Between 0 and 1; 1 where nothing was asked for."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else 1.0


class Index:
    """Answers from a store; reads what the store does not know, and keeps it there.

    Many unknown files are read by processes beside this one: as many as the machine has processors
    for, or `processes`. Several processes, on any hosts, may index the same commit: each takes
    batches in an order of its own and asks before each whether it has been done, so little is done
    twice, nobody waits, and no claim is left behind by one that dies.
    """

    def __init__(self, store: BlobStore | None = None, *, processes: int = 0) -> None:
        self._store = store or MemoryStore()
        self._processes = processes
        self.tally = Tally()

    def facts(self, files: Files, paths: Iterable[str]) -> dict[str, FileFacts]:
        """The facts of those paths that are source files there, by path.

        One that is too large, or of a language that is not installed, has a `problem` and nothing
        else.
        """
        found, kinds = _sorted_out(files, paths)
        kept = self._kept(files, [(kind, path) for path, kind in kinds.items()])
        for path, kind in kinds.items():
            found[path] = _unpacked(files, path, kind, kept[kind, files.blob(path)])
        return found

    def words(self, files: Files, paths: Iterable[str]) -> dict[str, bytes]:
        """What `WantedWords` looks in, of those paths that are there and no data, by path."""
        there = list(_readable(files, paths))
        kept = self._kept(files, [(WORDS_KIND, path) for path in there])
        return {path: kept[WORDS_KIND, files.blob(path)] for path in there}

    def fill(self, files: Files) -> None:
        """Know all that can be known of these files."""
        _, kinds = _sorted_out(files, files.paths())
        paths = list(kinds)
        for start in range(0, len(paths), FILLED_AT_ONCE):
            some = paths[start : start + FILLED_AT_ONCE]
            wanted = [(kind, path) for path in some for kind in (kinds[path], WORDS_KIND)]
            self._kept(files, wanted)

    def _kept(self, files: Files, wanted: Sequence[tuple[str, str]]) -> Kept:
        """What is kept of these kinds and paths, after what was missing has been derived."""
        asked = {(kind, files.blob(path)): path for kind, path in wanted}
        kept = self._known(asked)
        missing: dict[str, list[str]] = defaultdict(list)
        for (kind, blob), path in asked.items():
            if (kind, blob) not in kept:
                missing[path].append(kind)
        unknown = len(asked) - len(kept)
        self.tally = Tally(self.tally.hits + len(kept), self.tally.misses + unknown)
        for derived in self._derived(files, missing):
            kept.update(derived)
        return kept

    def _known(self, asked: Iterable[tuple[str, str]]) -> Kept:
        blobs: dict[str, list[str]] = defaultdict(list)
        for kind, blob in asked:
            blobs[kind].append(blob)
        return {
            (kind, blob): data
            for kind, some in blobs.items()
            for blob, data in self._store.get_many(kind, some).items()
        }

    def _derived(self, files: Files, missing: Mapping[str, Sequence[str]]) -> Iterator[Kept]:
        paths = list(missing)
        batches = [
            paths[start : start + BATCH_FILES] for start in range(0, len(paths), BATCH_FILES)
        ]
        random.SystemRandom().shuffle(batches)
        to_parse = sum(kind != WORDS_KIND for kinds in missing.values() for kind in kinds)
        count = readers_for(to_parse, most=self._processes)
        waiting: SimpleQueue[list[str]] = SimpleQueue()
        for batch in batches:
            waiting.put(batch)
        work = partial(self._work, files, missing, waiting)
        if not count:
            yield work(OwnReader())
            return
        with ThreadPoolExecutor(count) as threads:
            yield from threads.map(work, [ReaderProcess() for _ in range(count)])

    def _work(
        self,
        files: Files,
        missing: Mapping[str, Sequence[str]],
        waiting: SimpleQueue[list[str]],
        reader: Reader,
    ) -> Kept:
        """Take batches until none is left."""
        done: Kept = {}
        with closing(reader):
            while True:
                try:
                    batch = waiting.get_nowait()
                except Empty:
                    return done
                done.update(self._batch(files, {path: missing[path] for path in batch}, reader))

    def _batch(self, files: Files, missing: Mapping[str, Sequence[str]], reader: Reader) -> Kept:
        """Derive one batch, without what another process has derived in the meantime."""
        asked = {
            (kind, files.blob(path)): path for path, kinds in missing.items() for kind in kinds
        }
        known = self._known(asked)
        left: dict[str, list[str]] = defaultdict(list)
        for (kind, blob), path in asked.items():
            if (kind, blob) not in known:
                left[path].append(kind)
        derived: dict[str, dict[str, bytes]] = defaultdict(dict)
        for portion in files.portions(left):
            for path, content in portion.items():
                for kind in left[path]:
                    derived[kind][files.blob(path)] = reader.derive(kind, content)
        for kind, data in derived.items():
            self._store.put_many(kind, data)
        fresh = {(kind, blob): one for kind, data in derived.items() for blob, one in data.items()}
        return known | fresh


def _sorted_out(files: Files, paths: Iterable[str]) -> tuple[dict[str, FileFacts], dict[str, str]]:
    """Facts of files that need not be read to know that nothing can be; kinds of the others."""
    refused: dict[str, FileFacts] = {}
    kinds: dict[str, str] = {}
    there = set(files.paths())
    for path in sorted(there.intersection(paths)):
        language = language_of(path)
        if not language:
            continue
        try:
            kinds[path] = facts_kind(language)
        except UnsupportedLanguage as error:
            refused[path] = FileFacts(path, problem=str(error))
        if files.size(path) > MAX_SOURCE_BYTES:
            problem = f"expected at most {MAX_SOURCE_BYTES} bytes, found {files.size(path)}"
            refused[path] = FileFacts(path, problem=problem)
            kinds.pop(path, None)
    return refused, kinds


def _readable(files: Files, paths: Iterable[str]) -> Iterator[str]:
    there = set(files.paths())
    return (
        path for path in sorted(there.intersection(paths)) if files.size(path) <= MAX_SOURCE_BYTES
    )


def _unpacked(files: Files, path: str, kind: str, kept: bytes) -> FileFacts:
    """The facts; those of a store that gives anything else are read again."""
    try:
        return unpacked(kept, path)
    except InvalidInput:
        (content,) = (one[path] for one in files.portions([path]))
        return unpacked(derive(kind, content), path)
