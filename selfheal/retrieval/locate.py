"""Localisation (CP-3): which files and functions of a commit a text is about, without a model.

Signals are min-max scaled per query and added up with weights. `benchmarks/localisation.py` gave
the weights, on repositories other than those that its figures are quoted for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from selfheal.retrieval.corpus import Corpus, Place
from selfheal.retrieval.entities import Named, named_in
from selfheal.retrieval.fields import Fields, fields_of
from selfheal.retrieval.kinds import is_test, prior
from selfheal.retrieval.lexical import Lexical, Scores
from selfheal.retrieval.links import Links
from selfheal.retrieval.words import counted

FILE_WEIGHTS: Final[Mapping[str, float]] = {
    "text": 1.0,
    "chunk": 0.8,
    "cosine": 0.5,
    "name": 0.3,
    "symbol": 0.8,
    "module": 0.8,
    "path": 1.0,
    "frame": 1.0,
    "message": 0.5,
    "tested": 0.3,
    "near": 0.2,
}
FUNCTION_WEIGHTS: Final[Mapping[str, float]] = {
    "file": 1.0,
    "chunk": 1.0,
    "cosine": 0.3,
    "name": 0.3,
    "symbol": 0.8,
    "module": 0.5,
    "frame": 1.0,
    "message": 0.5,
    "called": 0.3,
}
_ABSOLUTE: Final = frozenset({"frame", "path"})
"""Signals that are shares of certainty already, and not scaled."""

MOST_FILES: Final = 60
"""Files whose functions are looked at."""

Table = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class LocatedFile:
    """A file, its score, and what it came from."""

    path: str
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class LocatedFunction:
    """A function or method, its score, and what it came from."""

    path: str
    qualname: str
    line: int
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class Located:
    """The answer, best first. `timings` are seconds by stage."""

    files: tuple[LocatedFile, ...]
    functions: tuple[LocatedFunction, ...]
    tests: tuple[LocatedFile, ...]
    timings: Mapping[str, float]


class Localiser:
    """Answers for one corpus."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._lexical = Lexical(corpus)
        self._links = Links(corpus)

    def locate(self, text: str, *, limit: int = 20) -> Located:
        """The files, functions and tests that a text is about."""
        began = perf_counter()
        signals = self.signals(text)
        looked = perf_counter()
        files = self.fused(signals.files, FILE_WEIGHTS)
        files = {path: score * self.prior(path) for path, score in files.items()}
        return Located((), (), (), {"signals": looked - began, "fuse": perf_counter() - looked})

    def prior(self, path: str) -> float:
        return prior(path, main=self._corpus.main)

    def signals(
        self, text: str
    ) -> tuple[Table, dict[str, dict[Place, float]], Named, dict[str, float]]:
        fields = fields_of(text)
        scores = self._lexical.scores(fields.words)
        named = named_in(fields, self._corpus)
        every = {
            "text": scores.files,
            "chunk": _best(scores.chunks),
            "cosine": scores.file_cosines,
            "name": self._name_shares(fields, scores.files),
        }
        tests = {p: s for p, s in scores.files.items() if is_test(p)}
        files: Table = {
            signal: {p: s for p, s in found.items() if not is_test(p)}
            for signal, found in every.items()
        }
        files |= {signal: dict(found) for signal, found in named.files.items()}
        files = {s: scaled(f) if s not in _ABSOLUTE else f for s, f in files.items()}
        base = fused(files, FILE_WEIGHTS)
        base = {p: s * self.prior(p) for p, s in base.items()}
        files["tested"] = scaled(self._links.tested(scaled(tests)))
        files["near"] = scaled({p: s for p, s in self._links.near(base).items() if not is_test(p)})
        return files, self._place_signals(scores, named, base, fields), named, tests

    def _name_shares(self, fields: Fields, among: Iterable[str]) -> dict[str, float]:
        """How much of a path's own name the text says."""
        found = {}
        for path in among:
            words = counted(path.rpartition("/")[2].rpartition(".")[0])
            if words:
                found[path] = sum(fields.words.get(w, 0.0) for w in words) / len(words)
        return found

    def _place_signals(
        self, scores: Scores, named: Named, base: Mapping[str, float], fields: Fields
    ) -> dict[str, dict[Place, float]]:
        best = sorted(base, key=lambda p: (-base[p], p))[:MOST_FILES]
        wanted = set(best) | {place.path for found in named.places.values() for place in found}
        by_chunk: dict[Place, float] = {}
        by_cosine: dict[Place, float] = {}
        by_name: dict[Place, float] = {}
        for path in wanted:
            outline = self._corpus.files[path].outline
            whole = defaultdict(float)
            cosines = defaultdict(float)
            for number, chunk in enumerate(outline.chunks):
                whole[chunk.qualname] = max(
                    whole[chunk.qualname], scores.chunks.get((path, number), 0.0)
                )
                cosines[chunk.qualname] = max(
                    cosines[chunk.qualname], scores.chunk_cosines.get((path, number), 0.0)
                )
            for part in outline.definitions:
                if part.kind == "class":
                    continue
                place = Place(path, part)
                by_chunk[place] = whole.get(part.qualname, 0.0)
                by_cosine[place] = cosines.get(part.qualname, 0.0)
                words = counted(part.qualname)
                by_name[place] = sum(fields.words.get(w, 0.0) for w in words) / max(1, len(words))
        places = {
            "chunk": scaled(by_chunk),
            "cosine": scaled(by_cosine),
            "name": scaled(by_name),
            "file": {place: base.get(place.path, 0.0) for place in by_chunk},
        }
        places["file"] = scaled(places["file"])
        for signal, found in named.places.items():
            only = {p: s for p, s in found.items() if p.part.kind != "class"}
            places[signal] = only if signal in _ABSOLUTE else scaled(only)
        first = fused(places, FUNCTION_WEIGHTS)
        places["called"] = scaled(
            {p: s for p, s in self._links.called(first).items() if p.part.kind != "class"}
        )
        return places


def _best(chunks: Mapping[tuple[str, int], float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for (path, _), score in chunks.items():
        if score > found.get(path, 0.0):
            found[path] = score
    return found


def scaled(values):
    """Between 0 for nothing and 1 for the best."""
    top = max(values.values(), default=0.0)
    return {key: value / top for key, value in values.items()} if top > 0 else {}


def fused(signals, weights):
    """The weighted sum of signals."""
    found = defaultdict(float)
    for signal, values in signals.items():
        weight = weights.get(signal, 0.0)
        if weight:
            for key, value in values.items():
                found[key] += weight * value
    return found
