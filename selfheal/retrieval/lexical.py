"""BM25 (Robertson and Zaragoza 2009) and cosine over the words of files and of their chunks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from selfheal.retrieval.corpus import Corpus
from selfheal.retrieval.words import counted

K1: Final = 1.2
FILE_B, CHUNK_B = 0.4, 0.5
PATH_COUNT: Final = 3
"""A word in a path counts as often as this."""

Chunk = tuple[str, int]
"""A path, and the number of the chunk in its digest."""

Counts = Sequence[tuple[int, int]]
"""Numbers of chunks, and how often a word occurs in each."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What some words give each file and each chunk: by BM25, and by the cosine.

    `words` is the vector of the words that are known, whose length is 1.
    """

    files: dict[str, float]
    chunks: dict[Chunk, float]
    file_cosines: dict[str, float]
    chunk_cosines: dict[Chunk, float]
    words: Mapping[str, float] = field(default_factory=dict)


class Lexical:
    """Scores of one corpus. Words weigh by how few files have them."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    @cached_property
    def _in_paths(self) -> Mapping[str, Mapping[str, int]]:
        return {path: counted(path) for path in self._corpus.files}

    @cached_property
    def _lengths(self) -> Mapping[str, int]:
        return {path: digest.words for path, digest in self._corpus.files.items()}

    @cached_property
    def _means(self) -> tuple[float, float]:
        """Mean words of a file and of a chunk, at least 1."""
        total = sum(self._lengths.values())
        chunks = sum(digest.sections[3].count(b"],[") + 1 for digest in self._corpus.files.values())
        return max(1.0, total / max(1, len(self._lengths))), max(1.0, total / max(1, chunks))

    def scores(self, words: Mapping[str, float]) -> Scores:
        """The scores for words with their weights."""
        known: dict[str, float] = {}
        found = Scores(*(defaultdict(float) for _ in range(4)))
        length = 0.0
        for word, weight in words.items():
            having = self._having(word)
            value = weight * rarity(len(self._corpus.files), len(having))
            length += value**2 if having else 0.0
            for path, chunks in having:
                self._add_file(found, path, chunks, value=value, word=word)
                self._add_chunks(found, path, chunks, value=value)
            if having:
                known[word] = value
        scale = math.sqrt(length) or 1.0
        return Scores(
            found.files,
            found.chunks,
            {path: score / scale for path, score in found.file_cosines.items()},
            {chunk: score / scale for chunk, score in found.chunk_cosines.items()},
            {word: value / scale for word, value in known.items()},
        )

    def _having(self, word: str) -> list[tuple[str, Counts]]:
        """The files that have a word, in their text or their path, each with its chunks that do."""
        return [
            (path, found)
            for path, digest in self._corpus.files.items()
            if (found := digest.chunks_with(word)) or word in self._in_paths[path]
        ]

    def _add_file(
        self, found: Scores, path: str, chunks: Counts, *, value: float, word: str
    ) -> None:
        count = sum(times for _, times in chunks)
        times = count + PATH_COUNT * self._in_paths[path].get(word, 0)
        length = self._lengths[path] / self._means[0]
        found.files[path] += value * saturated(times, FILE_B, length)
        if count:
            norm = self._corpus.files[path].norm
            found.file_cosines[path] += value * (1 + math.log(count)) / norm

    def _add_chunks(self, found: Scores, path: str, chunks: Counts, *, value: float) -> None:
        sizes, mean = self._corpus.files[path].sizes, self._means[1]
        for chunk, times in chunks:
            words, norm = sizes[chunk]
            found.chunks[path, chunk] += value * saturated(times, CHUNK_B, words / mean)
            found.chunk_cosines[path, chunk] += value * (1 + math.log(times)) / norm


def saturated(times: int, share: float, length: float) -> float:
    """What so many occurrences count, in a text of this length (1 is the mean)."""
    return times * (K1 + 1) / (times + K1 * (1 - share + share * length))


def rarity(number: int, having: int) -> float:
    """How much a word tells that so many of all have."""
    return math.log(1 + (number - having + 0.5) / (having + 0.5))
