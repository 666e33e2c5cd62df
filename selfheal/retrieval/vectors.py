"""The vector side by embeddings: chunks that are near a query in words, compared by meaning."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from selfheal.index.store import BlobStore

CANDIDATES: Final = 200
"""Chunks that are embedded for a query, the best by words: a whole repository would cost hundreds
of requests before the first answer."""


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
        self._embedder = embedder
        self._store = store
        self._kind = f"vectors/{embedder.name}/1"

    def of(self, texts: Iterable[str]) -> Mapping[str, Sequence[float]]:
        """The vectors by text; those that are not known yet are asked for together."""
        keys = {_key(text): text for text in texts}
        kept = self._store.get_many(self._kind, set(keys))
        found = {keys[key]: _unpacked(data) for key, data in kept.items()}
        missing = [key for key in keys if key not in kept]
        if missing:
            made = self._embedder.embed([keys[key] for key in missing])
            found |= {keys[key]: vector for key, vector in zip(missing, made, strict=True)}
            packed = {
                key: array("f", vector).tobytes() for key, vector in zip(missing, made, strict=True)
            }
            self._store.put_many(self._kind, packed)
        return found


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Of two vectors of the same length; 0 where one of them says nothing."""
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / (math.hypot(*one) * math.hypot(*other) or 1.0)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _unpacked(data: bytes) -> Sequence[float]:
    vector = array("f")
    vector.frombytes(data)
    return vector
