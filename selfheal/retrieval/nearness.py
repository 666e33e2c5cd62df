"""The vector side of a search: how near chunks are, whoever makes the vectors and compares them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from selfheal import late_log
from selfheal.errors import BudgetSpent, EngineUnavailable, InvalidAnswer, ModelUnavailable
from selfheal.retrieval.chunk import TF_IDF, chunk_id
from selfheal.retrieval.corpus import Corpus
from selfheal.retrieval.engine import ExactEngine, Points, VectorEngine
from selfheal.retrieval.lexical import Chunk as Key
from selfheal.retrieval.lexical import Scores
from selfheal.retrieval.vectors import WORDS_SPACE, Vectors, WordVectors

CANDIDATES: Final = 200
"""Chunks that are embedded for a query, the best by words: a whole repository would cost hundreds
of requests before the first answer."""

COMPARED: Final = 1_000
"""Chunks whose words an engine compares for a query, the best by BM25. With 300 one chunk in 300
was another one than without an engine, with 1,000 none (`benchmarks/vector_engines.py`)."""


@dataclass(frozen=True, slots=True)
class Near:
    """How near each chunk is, and what that was made of."""

    values: Mapping[Key, float]
    made_of: str


UNASKED: Final = Near({}, TF_IDF)
"""Of a search by words alone."""


class Nearness:
    """Compares by a model's vectors where there are some, else by TF-IDF; by `engine`, else here.

    Neither a model nor an engine that is away makes a search fail: the answer comes without it,
    and says so. An engine that was away once is not waited for again.
    """

    def __init__(
        self, corpus: Corpus, *, vectors: Vectors | None = None, engine: VectorEngine | None = None
    ) -> None:
        self._corpus = corpus
        self._vectors = vectors
        self._engine = engine
        self._away = ""

    def expect(self, queries: Iterable[str]) -> None:
        """Have the vectors of queries that will be asked, by one request, if a model makes them."""
        if self._vectors is not None:
            with suppress(ModelUnavailable, InvalidAnswer, BudgetSpent):
                self._vectors.of(queries)

    def near(self, query: str, scores: Scores, keys: Sequence[Key]) -> Near:
        """How near these chunks are to a query, whose scores by words are known."""
        if self._vectors is None:
            return self._by_words(scores, keys)
        try:
            return self._by_meaning(self._vectors, query, _best(scores, keys, CANDIDATES))
        except (ModelUnavailable, InvalidAnswer, BudgetSpent) as error:
            found = self._by_words(scores, keys)
            return replace(found, made_of=f"{found.made_of}: {error}")

    def _by_meaning(self, vectors: Vectors, query: str, best: Sequence[Key]) -> Near:
        self._corpus.load(path for path, _ in best)
        texts = {key: self._embedded_text(key) for key in best}
        points = Points(vectors.space, _once(texts.values()), vectors.of)
        found = self._asked(query, points)
        if found is None:
            found = ExactEngine().cosines(query, points)
        made_of = f"embeddings by {vectors.name} of the {len(best)} best by words"
        return Near({key: found.get(text, 0.0) for key, text in texts.items()}, self._told(made_of))

    def _by_words(self, scores: Scores, keys: Sequence[Key]) -> Near:
        """The cosines that the words gave on the way, or what an engine says of the best chunks."""
        near = {key: scores.chunk_cosines.get(key, 0.0) for key in keys}
        if self._engine is not None and not self._away:
            ids = {key: self._id(key) for key in _best(scores, keys, COMPARED)}
            words = WordVectors(self._corpus, {one: key for key, one in ids.items()}, scores.words)
            found = self._asked(words.QUERY, Points(WORDS_SPACE, _once(ids.values()), words.of))
            if found is not None:
                near = {key: found.get(one, 0.0) for key, one in ids.items()}
        return Near(near, self._told(TF_IDF))

    def _asked(self, query: str, points: Points) -> Mapping[str, float] | None:
        """What the engine says; None without one, and where it is away."""
        if self._engine is None or self._away:
            return None
        try:
            return self._engine.cosines(query, points)
        except EngineUnavailable as error:
            self._away = str(error)
            late_log.warning(
                f"{self._engine.name} is asked no more for this search: {error}",
                action="retrieval.engine_away",
            )
            return None

    def _told(self, made_of: str) -> str:
        if self._engine is None:
            return made_of
        if self._away:
            return f"{made_of}; compared here, for {self._engine.name} is away: {self._away}"
        return f"{made_of}; compared by {self._engine.name}"

    def _embedded_text(self, key: Key) -> str:
        path, number = key
        part = self._corpus.files[path].chunks[number]
        return f"{path} {part.qualname}\n{self._corpus.text(path, part)}"

    def _id(self, key: Key) -> str:
        path, number = key
        part = self._corpus.files[path].chunks[number]
        return chunk_id(self._corpus.snapshot.blob(path), part.line, part.end_line)


def _once(keys: Iterable[str]) -> tuple[str, ...]:
    """In their order, so that the same question is asked of a model each time."""
    return tuple(dict.fromkeys(keys))


def _best(scores: Scores, keys: Collection[Key], most: int) -> list[Key]:
    return sorted(keys, key=lambda key: (-scores.chunks[key], key))[:most]
