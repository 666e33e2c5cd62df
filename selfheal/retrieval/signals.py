"""Everything that speaks for a file, a function or a test, by signal, from 0 to 1 per query."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from posixpath import basename, dirname, splitext
from typing import Final

from selfheal.retrieval.changes import NO_CHANGES, Changes
from selfheal.retrieval.corpus import Corpus, Place
from selfheal.retrieval.entities import Named, named_in
from selfheal.retrieval.fields import Fields, fields_of
from selfheal.retrieval.functions import FunctionReader
from selfheal.retrieval.fusion import fused, scaled
from selfheal.retrieval.kinds import is_test, prior
from selfheal.retrieval.lexical import Chunk, Lexical, Scores
from selfheal.retrieval.links import Links
from selfheal.retrieval.weights import ABSOLUTE, FILE_WEIGHTS
from selfheal.retrieval.words import counted

SHORTEST_NAME: Final = 4
"""Letters of a file's name that a text can be said to speak of."""
WORTH_NAMING: Final = 0.5
"""Of the best: what earlier commits give less than that is no reason by itself."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for files, functions and tests; `named` says it in words."""

    files: Mapping[str, Mapping[str, float]]
    functions: Mapping[str, Mapping[Place, float]]
    tests: Mapping[str, float]
    named: Named


class Reader:
    """Reads the signals of texts out of one corpus and what led up to it."""

    def __init__(self, corpus: Corpus, changes: Changes = NO_CHANGES) -> None:
        self._corpus = corpus
        self._changes = changes
        self._lexical = Lexical(corpus)
        self._links = Links(corpus)
        self._functions = FunctionReader(corpus, self._links)

    def read(self, text: str) -> Signals:
        """The signals of a text."""
        fields = fields_of(text)
        scores = self._lexical.scores(fields.words)
        title = self._lexical.scores(fields.title)
        named = named_in(fields, self._corpus)
        files = self._by_words(fields, scores, title) | {
            signal: found if signal in ABSOLUTE else scaled(found)
            for signal, found in named.files.items()
        }
        files |= self._by_history(fields, named, known=scores.files)
        tests = scaled({path: score for path, score in scores.files.items() if is_test(path)})
        files["tested"] = scaled(self._links.tested(tests))
        files["near"] = scaled(_sources(self._links.near(self.of_files(files))))
        functions = self._functions.read(
            fields, scores, title, named=named, files=self.of_files(files)
        )
        return Signals(files, functions, tests, named)

    def of_files(self, signals: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        """Scores of files, each by how likely a file of its kind is meant at all."""
        main, scores = self._corpus.main, fused(signals, FILE_WEIGHTS)
        return {path: score * prior(path, main=main) for path, score in scores.items()}

    def of_functions(self, signals: Mapping[str, Mapping[Place, float]]) -> dict[Place, float]:
        """The same for functions."""
        return self._functions.scored(signals)

    def _by_words(
        self, fields: Fields, scores: Scores, title: Scores
    ) -> dict[str, Mapping[str, float]]:
        found: dict[str, Mapping[str, float]] = {
            "text": scores.files,
            "chunk": _best_chunks(scores.chunks),
            "title": _best_chunks(title.chunks),
            "about": title.files,
            "cosine": scores.file_cosines,
            "name": {path: _said(_name(path), fields.words) for path in scores.files},
        }
        by_words = {signal: scaled(_sources(values)) for signal, values in found.items()}
        return {**by_words, "spoken": self._spoken(fields.spoken)}

    def _spoken(self, spoken: Mapping[str, float]) -> dict[str, float]:
        """Files whose whole name is a word of the text, by how few others have that name."""
        return {
            path: weight / len(paths) ** 0.5
            for word, weight in spoken.items()
            for paths in [self._named.get(word, ())]
            for path in paths
        }

    @cached_property
    def _named(self) -> Mapping[str, Sequence[str]]:
        """Sources by their names."""
        found: dict[str, list[str]] = defaultdict(list)
        for path in self._corpus.sources:
            if len(name := _name(path).lower()) >= SHORTEST_NAME:
                found[name].append(path)
        return found

    def _by_history(
        self, fields: Fields, named: Named, *, known: Mapping[str, float]
    ) -> dict[str, Mapping[str, float]]:
        """What earlier commits say.

        How recent a change is says nothing by itself: it counts for files that are `known`, as they
        share a word with the text, and is no reason to name a file.
        """
        like = self._changes.like(fields.words)
        touched, commits = self._changes.touched(like, self._corpus.sources)
        changed = scaled(touched)
        for path, value in changed.items():
            if value > WORTH_NAMING:
                why = f"was changed by {commits[path]}"
                named.why[path].append((FILE_WEIGHTS["changed"] * value, why))
        recent = self._changes.recent()
        return {
            "changed": changed,
            "recent": {path: recent[path] for path in _sources(known) if path in recent},
        }


def _best_chunks(chunks: Mapping[Chunk, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for (path, _), score in chunks.items():
        found[path] = max(score, found.get(path, 0.0))
    return found


def _sources(scores: Mapping[str, float]) -> dict[str, float]:
    return {path: score for path, score in scores.items() if not is_test(path)}


def _name(path: str) -> str:
    """A file's own name; of a package that of its folder."""
    stem = splitext(basename(path))[0]
    return basename(dirname(path)) if stem == "__init__" else stem.strip("_")


def _said(name: str, words: Mapping[str, float]) -> float:
    """How much of a name the words of a text say."""
    parts = counted(name)
    return math.fsum(words.get(part, 0.0) for part in parts) / len(parts) if parts else 0.0
