"""Retrieval over one commit (RAG-1): hybrid search, a grep that ends, snippets by id."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from selfheal.errors import InvalidInput
from selfheal.index.snapshot import Snapshot
from selfheal.index.store import BlobStore
from selfheal.retrieval.changes import NO_CHANGES, Changes, changes_before
from selfheal.retrieval.chunk import Chunk, Found, Snippet, chunk_id, read_id
from selfheal.retrieval.corpus import Corpus
from selfheal.retrieval.engine import VectorEngine
from selfheal.retrieval.fields import Fields, fields_of
from selfheal.retrieval.fusion import fused, scaled, shares
from selfheal.retrieval.kinds import is_test
from selfheal.retrieval.lexical import Lexical
from selfheal.retrieval.locate import LIMIT, Localiser, Located
from selfheal.retrieval.nearness import UNASKED, Nearness
from selfheal.retrieval.sketch import Part, docstring, signature
from selfheal.retrieval.vectors import Embedder, Vectors
from selfheal.workspace.objects import MatchingLine, Objects

SYMBOL_SHARE: Final = 0.6
"""Of a chunk whose name is in the query, beside a lexical share of 1: with the default alpha of
0.5 that is the 0.3 which did best when it was measured (alpha sweep, November 2026)."""

RAW_LINES: Final = 200

DEFAULT_ALPHA: Final = 0.5
TEST_SHARE: Final = 0.5
"""Tests use the words of what they test, and are seldom what is meant."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which chunks may be found; an empty one lets all of them."""

    paths: Collection[str] = ()
    kinds: Collection[str] = ()

    def admits(self, path: str, part: Part) -> bool:
        """Whether a chunk may be found."""
        return (not self.paths or path in self.paths) and (
            not self.kinds or part.kind in self.kinds
        )


EVERYTHING: Final = Filter()


class Retrieval:
    """Answers for one commit; the same question gives the same answer."""

    def __init__(
        self,
        objects: Objects,
        sha: str,
        corpus: Corpus,
        *,
        nearness: Nearness | None = None,
        changes: Callable[[], Changes] = lambda: NO_CHANGES,
    ) -> None:
        self.corpus = corpus
        self._nearness = nearness or Nearness(corpus)
        self._objects = objects
        self._sha = sha
        self._changes = changes
        self._lexical = Lexical(corpus)

    @classmethod
    def at(
        cls,
        objects: Objects,
        sha: str,
        store: BlobStore,
        *,
        snapshot: Snapshot | None = None,
        paths: Collection[str] | None = None,
        embedder: Embedder | None = None,
        engine: VectorEngine | None = None,
    ) -> Retrieval:
        """Retrieval at a commit, in all of its files or in these; `snapshot` is of that commit.

        Files that the store does not know are read and kept there. The vector side is TF-IDF; with
        an embedder its vectors are compared instead, for the chunks that are nearest by words. They
        are compared by the engine, where one is given.
        """
        corpus = Corpus.of(snapshot or Snapshot.at(objects, sha), store, paths=paths)
        vectors = Vectors(embedder, store) if embedder else None
        nearness = Nearness(corpus, vectors=vectors, engine=engine)
        changes = partial(changes_before, objects, sha, store)
        return cls(objects, sha, corpus, nearness=nearness, changes=changes)

    def expect(self, queries: Iterable[str]) -> None:
        """Have the vectors of queries that will be asked, by one request, if a model makes them."""
        self._nearness.expect(queries)

    def locate(self, text: str, *, limit: int = LIMIT) -> Located:
        """The files, functions and tests that a text is about."""
        return Localiser(self.corpus, self._changes()).locate(text, limit=limit)

    def hybrid_search(
        self, query: str, *, k: int = 8, alpha: float = DEFAULT_ALPHA, within: Filter = EVERYTHING
    ) -> Found:
        """At most `k` chunks. `alpha` weighs the vector side: 0 is words alone, 1 vectors alone.

        Scores are scaled per query and added up, with a share for symbols that the query names.
        """
        fields = fields_of(query)
        scores = self._lexical.scores(fields.words)
        keys = [key for key in scores.chunks if self._admits(within, *key)]
        near = self._nearness.near(query, scores, keys) if alpha else UNASKED
        signals = {
            "words": scaled({key: scores.chunks[key] for key in keys}),
            "vector": scaled(near.values),
            "symbol": self._named(fields, keys) if alpha < 1 else {},
        }
        weights = {"words": 1 - alpha, "vector": alpha, "symbol": SYMBOL_SHARE * (1 - alpha)}
        total = fused(signals, weights)
        total = {k: s * (TEST_SHARE if is_test(k[0]) else 1.0) for k, s in total.items()}
        best = sorted((key for key in total if total[key] > 0), key=lambda key: (-total[key], key))
        return Found(
            tuple(
                self._chunk(key, score=total[key], why=shares(signals, weights, key))
                for key in best[:k]
            ),
            vectors=near.made_of,
        )

    def grep_like(self, regex: str, *, limit: int = 200) -> tuple[MatchingLine, ...]:
        """At most `limit` lines of the commit that match; raises as `Objects.grep`."""
        return self._objects.grep(self._sha, regex, limit=limit)

    def snippet(self, ids: Iterable[str]) -> tuple[Snippet, ...]:
        """The texts of chunks, in the same order.

        Raises InvalidInput for what is no id, or is of a blob that the commit does not have.
        """
        return tuple(self._snippet(written) for written in ids)

    def raw_slice(self, path: str) -> tuple[str, ...]:
        """The id of a file's first lines, without a search; nothing for a path it does not know."""
        digest = self.corpus.files.get(path)
        if digest is None or not digest.chunks:
            return ()
        end_line = min(RAW_LINES, digest.chunks[-1].end_line)
        return (chunk_id(self.corpus.snapshot.blob(path), 1, end_line),)

    def _admits(self, within: Filter, path: str, number: int) -> bool:
        return within.admits(path, self.corpus.files[path].chunks[number])

    def _named(
        self, fields: Fields, keys: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], float]:
        """How surely the query names each chunk: by its own name, or by that of its class."""
        found = {}
        for path, number in keys:
            qualname = self.corpus.files[path].chunks[number].qualname
            *owners, name = qualname.split(".")
            whole = max((w for d, w in fields.dotted.items() if _ends(d, qualname)), default=0.0)
            own = fields.names.get(name, 0.0)
            if any(f".{name}." in f".{dotted}" for dotted in fields.dotted):
                own *= 0.3  # What is named is a member of it.
            owner = max((fields.names.get(owner, 0.0) for owner in owners), default=0.0)
            if weight := max(whole, own, 0.5 * owner):
                found[path, number] = weight
        return found

    def _chunk(self, key: tuple[str, int], *, score: float = 0.0, why: str = "") -> Chunk:
        path, number = key
        part = self.corpus.files[path].chunks[number]
        return Chunk(
            id=chunk_id(self.corpus.snapshot.blob(path), part.line, part.end_line),
            path=path,
            symbol=part.qualname,
            kind=part.kind,
            line=part.line,
            end_line=part.end_line,
            score=round(score, 4),
            why=why,
        )

    def _snippet(self, written: str) -> Snippet:
        blob, line, end_line = read_id(written)
        path = self.corpus.by_blob.get(blob)
        if path is None:
            raise InvalidInput(f"no file of this commit has the content {blob}: search again")
        part = self._part(path, line, end_line)
        text = self.corpus.text(path, part)
        chunk = Chunk(written, path, part.qualname, part.kind, line, end_line)
        return Snippet(chunk, text, signature(text), docstring(text))

    def _part(self, path: str, line: int, end_line: int) -> Part:
        for part in self.corpus.files[path].chunks:
            if (part.line, part.end_line) == (line, end_line):
                return part
        return Part("", "module", line, end_line)


def _ends(dotted: str, qualname: str) -> bool:
    """Whether a dotted name is this qualname, maybe with its module."""
    return bool(qualname) and "." in qualname and f".{dotted}".endswith(f".{qualname}")
