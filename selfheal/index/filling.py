"""Deriving what is missing: in batches, here or by processes beside, and into the store."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import chain
from queue import Empty, SimpleQueue
from typing import Final

from selfheal.index.readers import OwnReader, Reader, ReaderProcess, readers_for
from selfheal.index.snapshot import Files
from selfheal.index.store import BlobStore
from selfheal.index.words import WORDS_KIND

BATCH_FILES: Final = 64
"""Files that are parsed and written together; of two processes each parses as many in vain."""
BATCH_WORDS: Final = 1_024
"""The same where nothing is parsed: to call git would take longer than to find the words."""

Key = tuple[str, str]
"""A kind and a blob."""
Kept = dict[Key, bytes]
Missing = Mapping[str, Sequence[str]]
"""The kinds that are missing, by path."""


class Filling:
    """Derives what is missing of some files and puts it into the store.

    Several processes, on any hosts, may fill in the same commit: each takes the batches in an order
    of its own and asks before each what has been done of it. So little is done twice, nobody waits
    for another one, and one that dies leaves no claim behind.
    """

    def __init__(self, store: BlobStore, files: Files, missing: Missing) -> None:
        self._store = store
        self._files = files
        self._missing = missing
        self._to_parse = sum(k != WORDS_KIND for kinds in missing.values() for k in kinds)
        self._waiting = _queued(list(missing), size=BATCH_FILES if self._to_parse else BATCH_WORDS)

    def run(self, *, processes: int) -> Iterator[Kept]:
        """Derive all of it with up to so many processes, 0 for as many as there are processors."""
        count = readers_for(self._to_parse, most=processes)
        if not count:
            yield from self._work(OwnReader())
            return
        with ThreadPoolExecutor(count) as threads:
            readers = [ReaderProcess() for _ in range(count)]
            yield from chain.from_iterable(threads.map(self._all, readers))

    def _all(self, reader: Reader) -> list[Kept]:
        return list(self._work(reader))

    def _work(self, reader: Reader) -> Iterator[Kept]:
        """Take batches until none is left."""
        with closing(reader):
            while True:
                try:
                    batch = self._waiting.get_nowait()
                except Empty:
                    return
                yield self._batch({path: self._missing[path] for path in batch}, reader)

    def _batch(self, missing: Missing, reader: Reader) -> Kept:
        """Derive one batch, without what another process has derived in the meantime."""
        blobs = {path: self._files.blob(path) for path in missing}
        kept = fetched(
            self._store, ((kind, blobs[path]) for path in missing for kind in missing[path])
        )
        left = {
            path: [kind for kind in kinds if (kind, blobs[path]) not in kept]
            for path, kinds in missing.items()
        }
        derived: dict[str, dict[str, bytes]] = defaultdict(dict)
        for portion in self._files.portions(path for path, kinds in left.items() if kinds):
            for path, content in portion.items():
                for kind in left[path]:
                    derived[kind][blobs[path]] = reader.derive(kind, content)
        for kind, data in derived.items():
            self._store.put_many(kind, data)
            kept.update({(kind, blob): one for blob, one in data.items()})
        return kept


def fetched(store: BlobStore, keys: Iterable[Key]) -> Kept:
    """What the store has under these keys."""
    return {
        (kind, blob): data
        for kind, blobs in by_kind(keys).items()
        for blob, data in store.get_many(kind, blobs).items()
    }


def by_kind(keys: Iterable[Key]) -> dict[str, list[str]]:
    """The blobs of each kind."""
    blobs: dict[str, list[str]] = defaultdict(list)
    for kind, blob in keys:
        blobs[kind].append(blob)
    return blobs


def _queued(paths: Sequence[str], *, size: int) -> SimpleQueue[Sequence[str]]:
    batches = [paths[start : start + size] for start in range(0, len(paths), size)]
    random.SystemRandom().shuffle(batches)
    waiting: SimpleQueue[Sequence[str]] = SimpleQueue()
    for batch in batches:
        waiting.put(batch)
    return waiting
