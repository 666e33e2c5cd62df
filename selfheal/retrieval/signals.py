"""Everything that speaks for a file or a function, by signal, each between 0 and 1 per query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from selfheal.retrieval.corpus import Corpus, Place
from selfheal.retrieval.entities import Named, named_in
from selfheal.retrieval.fields import Fields, fields_of
from selfheal.retrieval.fusion import fused, scaled
from selfheal.retrieval.kinds import is_test, prior
from selfheal.retrieval.lexical import Chunk, Lexical, Scores
from selfheal.retrieval.links import Links
from selfheal.retrieval.sketch import Part
from selfheal.retrieval.words import counted

# Weights by hand on the tuning half of the repositories, measured by `benchmarks/localisation.py`.
FILE_WEIGHTS: Final[Mapping[str, float]] = {
    "chunk": 1.6,
    "frame": 1.5,
    "text": 1.0,
    "title": 0.8,
    "path": 1.0,
    "module": 0.8,
    "symbol": 0.4,
    "message": 0.3,
    "tested": 0.3,
    "cosine": 0.2,
    "near": 0.1,
    "name": 0.1,
}
FUNCTION_WEIGHTS: Final[Mapping[str, float]] = {
    "chunk": 1.8,
    "frame": 1.5,
    "symbol": 0.5,
    "module": 0.5,
    "message": 0.5,
    "file": 0.4,
    "cosine": 0.3,
    "name": 0.3,
    "title": 0.2,
    "called": 0.15,
}

LOOKED_INTO: Final = 60
"""Files whose functions are ranked."""

_ABSOLUTE: Final = frozenset({"frame", "path"})
"""What is named so is meant, whatever else is named."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for files, functions and tests; `named` says it in words."""

    files: Mapping[str, Mapping[str, float]]
    functions: Mapping[str, Mapping[Place, float]]
    tests: Mapping[str, float]
    named: Named


class Reader:
    """Reads the signals of texts out of one corpus."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._lexical = Lexical(corpus)
        self._links = Links(corpus)

    def read(self, text: str) -> Signals:
        """The signals of a text."""
        fields = fields_of(text)
        scores = self._lexical.scores(fields.words)
        title = self._lexical.scores(fields.title)
        named = named_in(fields, self._corpus)
        files = self._by_words(fields, scores, title) | {
            signal: found if signal in _ABSOLUTE else scaled(found)
            for signal, found in named.files.items()
        }
        base = self.with_priors(fused(files, FILE_WEIGHTS))
        tests = scaled({path: score for path, score in scores.files.items() if is_test(path)})
        files["tested"] = scaled(self._links.tested(tests))
        files["near"] = scaled(_sources(self._links.near(base)))
        functions = self._of_functions(fields, scores, title, named=named, base=base)
        return Signals(files, functions, tests, named)

    def with_priors(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Scores of files, each by how likely a file of its kind is meant at all."""
        main = self._corpus.main
        return {path: score * prior(path, main=main) for path, score in scores.items()}

    def _by_words(
        self, fields: Fields, scores: Scores, title: Scores
    ) -> dict[str, Mapping[str, float]]:
        found = {
            "text": scores.files,
            "chunk": _best_chunks(scores.chunks),
            "title": _best_chunks(title.chunks),
            "cosine": scores.file_cosines,
            "name": {path: _said(_stem(path), fields.words) for path in scores.files},
        }
        return {signal: scaled(_sources(values)) for signal, values in found.items()}

    def _of_functions(
        self,
        fields: Fields,
        scores: Scores,
        title: Scores,
        *,
        named: Named,
        base: Mapping[str, float],
    ) -> Mapping[str, Mapping[Place, float]]:
        first = sorted(base, key=lambda path: (-base[path], path))[:LOOKED_INTO]
        paths = {*first, *(place.path for found in named.places.values() for place in found)}
        places = [place for path in sorted(paths) for place in self._functions(path)]
        found: dict[str, Mapping[Place, float]] = {
            "file": scaled({place: base.get(place.path, 0.0) for place in places}),
            "name": scaled({p: _said(p.part.qualname, fields.words) for p in places}),
        }
        for signal, chunks in (
            ("chunk", scores.chunks),
            ("title", title.chunks),
            ("cosine", scores.chunk_cosines),
        ):
            best = self._best_of_symbols(paths, chunks)
            found[signal] = scaled({place: best.get(_key(place), 0.0) for place in places})
        for signal, values in named.places.items():
            functions = {place: value for place, value in values.items() if _is_function(place)}
            found[signal] = functions if signal in _ABSOLUTE else scaled(functions)
        called = self._links.called(fused(found, FUNCTION_WEIGHTS))
        found["called"] = scaled({p: value for p, value in called.items() if _is_function(p)})
        return found

    def _functions(self, path: str) -> Iterable[Place]:
        places = (Place(path, part) for part in self._corpus.files[path].definitions)
        return filter(_is_function, places)

    def _best_of_symbols(
        self, paths: Iterable[str], chunks: Mapping[Chunk, float]
    ) -> dict[tuple[str, str], float]:
        """The best chunk by path and qualname: a long function has several."""
        found: dict[tuple[str, str], float] = {}
        for path in paths:
            for number, part in enumerate(self._corpus.files[path].chunks):
                key = path, part.qualname
                found[key] = max(found.get(key, 0.0), chunks.get((path, number), 0.0))
        return found


def _best_chunks(chunks: Mapping[Chunk, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for (path, _), score in chunks.items():
        found[path] = max(score, found.get(path, 0.0))
    return found


def _key(place: Place) -> tuple[str, str]:
    return place.path, place.part.qualname


def _is_function(place: Place) -> bool:
    part: Part = place.part
    return part.kind != "class"


def _sources(scores: Mapping[str, float]) -> dict[str, float]:
    return {path: score for path, score in scores.items() if not is_test(path)}


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _said(name: str, words: Mapping[str, float]) -> float:
    """How much of a name a text says."""
    parts = counted(name)
    return sum(words.get(part, 0.0) for part in parts) / len(parts) if parts else 0.0
