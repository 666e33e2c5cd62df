"""BM25 (Robertson and Zaragoza 2009) and cosine over the words of files and of their chunks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Scores:
    """What some words give each file and each chunk: by BM25, and by the cosine."""

    files: Mapping[str, float]
    chunks: Mapping[Chunk, float]
    file_cosines: Mapping[str, float]
    chunk_cosines: Mapping[Chunk, float]


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
        files: dict[str, float] = defaultdict(float)
        chunks: dict[Chunk, float] = defaultdict(float)
        file_cosines: dict[str, float] = defaultdict(float)
        chunk_cosines: dict[Chunk, float] = defaultdict(float)
        number, length = len(self._corpus.files), 0.0
        mean_file, mean_chunk = self._means
        for word, weight in words.items():
            having = [
                (path, digest, found, in_path)
                for path, digest in self._corpus.files.items()
                if (found := digest.chunks_with(word)) or word in self._in_paths[path]
                for in_path in (self._in_paths[path].get(word, 0),)
            ]
            if not having:
                continue
            rare = _rarity(number, len(having))
            length += (weight * rare) ** 2
            for path, digest, found, in_path in having:
                count = sum(times for _, times in found)
                tf = count + PATH_COUNT * in_path
                norm = K1 * (1 - FILE_B + FILE_B * self._lengths[path] / mean_file)
                files[path] += weight * rare * tf * (K1 + 1) / (tf + norm)
                if count:
                    file_cosines[path] += weight * rare * (1 + math.log(count)) / digest.norm
                for chunk, tf in found:
                    norm = K1 * (1 - CHUNK_B + CHUNK_B * digest.sizes[chunk][0] / mean_chunk)
                    chunks[path, chunk] += weight * rare * tf * (K1 + 1) / (tf + norm)
                    chunk_cosines[path, chunk] += (
                        weight * rare * (1 + math.log(tf)) / digest.sizes[chunk][1]
                    )
        scale = math.sqrt(length) or 1.0
        return Scores(
            files,
            chunks,
            {path: score / scale for path, score in file_cosines.items()},
            {chunk: score / scale for chunk, score in chunk_cosines.items()},
        )


def _rarity(number: int, having: int) -> float:
    return math.log(1 + (number - having + 0.5) / (having + 0.5))
