"""What vectors are made of: of texts by a model, or of the words of chunks."""

from __future__ import annotations

import hashlib
import math
import zlib
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Protocol

from selfheal.index.store import BlobStore
from selfheal.retrieval.corpus import Corpus
from selfheal.retrieval.digest import KIND
from selfheal.retrieval.engine import Vector
from selfheal.retrieval.lexical import Chunk as Key

WORDS_SPACE: Final = f"tf-idf/{KIND}"
"""Of `WordVectors`: another digest would have other words."""


class Embedder(Protocol):
    """Makes vectors; `name` says of which model and of how many places."""

    @property
    def name(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """A vector for each text; raises errors of `Model.ask`."""
        ...


class Vectors:
    """Vectors of texts, each asked for once: kept by model, places and what the text is."""

    def __init__(self, embedder: Embedder, store: BlobStore) -> None:
        self.name = embedder.name
        self.space = f"vectors/{embedder.name}/1"
        self._embedder = embedder
        self._store = store

    def of(self, texts: Iterable[str]) -> Mapping[str, Sequence[float]]:
        """The vectors by text; those that are not known yet are asked for together."""
        keys = {_key(text): text for text in texts}
        kept = self._store.get_many(self.space, set(keys))
        found = {keys[key]: _unpacked(data) for key, data in kept.items()}
        missing = [key for key in keys if key not in kept]
        if missing:
            made = self._embedder.embed([keys[key] for key in missing])
            found |= {keys[key]: vector for key, vector in zip(missing, made, strict=True)}
            packed = {
                key: array("f", vector).tobytes() for key, vector in zip(missing, made, strict=True)
            }
            self._store.put_many(self.space, packed)
        return found


class WordVectors:
    """Hashed TF-IDF: places are CRCs of words, lnc for chunks and ltc for the query.

    `chunks` says which chunk each key means, `query` how much each word of the query weighs; that
    has the key `QUERY`.
    """

    QUERY: Final = "the query"

    def __init__(
        self, corpus: Corpus, chunks: Mapping[str, Key], query: Mapping[str, float]
    ) -> None:
        self._corpus = corpus
        self._chunks = chunks
        self._query = query

    def of(self, keys: Collection[str]) -> Mapping[str, Vector]:
        """The vectors by key."""
        chunks = {self._chunks[key]: key for key in keys if key != self.QUERY}
        numbers: dict[str, set[int]] = defaultdict(set)
        for path, number in chunks:
            numbers[path].add(number)
        made: dict[str, Vector] = {self.QUERY: _hashed(self._query.items())}
        for path, wanted in numbers.items():
            for number, vector in self._of_file(path, wanted).items():
                made[chunks[path, number]] = vector
        return made

    def _of_file(self, path: str, wanted: set[int]) -> dict[int, Vector]:
        digest = self._corpus.files[path]
        weights: dict[int, list[tuple[str, float]]] = {number: [] for number in wanted}
        for word, chunks in digest.each_word():
            for number, times in chunks:
                if number in wanted:
                    weights[number].append((word, 1 + math.log(times)))
        return {
            number: _hashed((word, weight / digest.sizes[number][1]) for word, weight in found)
            for number, found in weights.items()
        }


def _hashed(words: Iterable[tuple[str, float]]) -> Mapping[int, float]:
    places: dict[int, float] = defaultdict(float)
    for word, weight in words:
        places[zlib.crc32(word.encode())] += weight
    return dict(places)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _unpacked(data: bytes) -> Sequence[float]:
    vector = array("f")
    vector.frombytes(data)
    return vector
