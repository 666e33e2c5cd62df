"""Localisation (CP-3): which files and functions of a commit a text is about, without a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from selfheal.index.snapshot import Snapshot
from selfheal.index.store import BlobStore
from selfheal.retrieval.changes import NO_CHANGES, Changes, changes_before
from selfheal.retrieval.corpus import Corpus, Place
from selfheal.retrieval.fusion import shares
from selfheal.retrieval.signals import Reader, Signals
from selfheal.retrieval.weights import FILE_WEIGHTS, FUNCTION_WEIGHTS
from selfheal.workspace.objects import Objects

LIMIT: Final = 10
FAINT, FAINT_FUNCTION = 0.3, 0.2
"""What has less than this share of the best score is not named: on the tuning half no file is lost
so, and a tenth fewer are named (`benchmarks/localisation.py`)."""

_MOST_REASONS: Final = 3


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
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class Located:
    """The answer, best first; `tests` are test files near the text. `timings` are in seconds."""

    files: tuple[LocatedFile, ...]
    functions: tuple[LocatedFunction, ...]
    tests: tuple[LocatedFile, ...]
    timings: Mapping[str, float]


class Localiser:
    """Answers for one commit; the same text gives the same answer."""

    def __init__(
        self, corpus: Corpus, changes: Changes = NO_CHANGES, *, seconds: float = 0.0
    ) -> None:
        self._reader = Reader(corpus, changes)
        self._seconds = seconds

    @classmethod
    def at(cls, objects: Objects, sha: str, store: BlobStore) -> Localiser:
        """A localiser for a commit; what the store does not know is read and kept there."""
        began = perf_counter()
        corpus = Corpus.of(Snapshot.at(objects, sha), store)
        changes = changes_before(objects, sha, store)
        return cls(corpus, changes, seconds=perf_counter() - began)

    def locate(self, text: str, *, limit: int = LIMIT, least: float = FAINT) -> Located:
        """At most `limit` files, functions and tests that a text is about.

        A file of less than the share `least` of the best score is left out.
        """
        began = perf_counter()
        signals = self._reader.read(text)
        files = self._reader.of_files(signals.files)
        functions = self._reader.of_functions(signals.functions)
        return Located(
            tuple(_file(signals, path, score) for path, score in _best(files, limit, least)),
            tuple(_function(signals, place, score) for place, score in _best_of(functions, limit)),
            tuple(
                LocatedFile(path, round(score, 4), f"shares words: {score:.2f} of the best test")
                for path, score in _best(signals.tests, limit, FAINT)
            ),
            {"corpus": round(self._seconds, 4), "query": round(perf_counter() - began, 4)},
        )


def _best(scores: Mapping[str, float], limit: int, least: float) -> list[tuple[str, float]]:
    ordered = sorted(scores.items(), key=lambda found: (-found[1], found[0]))[:limit]
    return [(path, score) for path, score in ordered if score > least * ordered[0][1]]


def _best_of(scores: Mapping[Place, float], limit: int) -> list[tuple[Place, float]]:
    """As `_best`; a name that a file defines twice is one place."""
    once: dict[tuple[str, str], tuple[Place, float]] = {}
    for place, score in scores.items():
        key = place.path, place.part.qualname
        if key not in once or score > once[key][1]:
            once[key] = place, score
    ordered = sorted(once.items(), key=lambda found: (-found[1][1], found[0]))[:limit]
    return [found for _, found in ordered if found[1] > FAINT_FUNCTION * ordered[0][1][1]]


def _file(signals: Signals, path: str, score: float) -> LocatedFile:
    reasons = sorted(signals.named.why.get(path, ()), key=lambda reason: (-reason[0], reason[1]))
    said = list(dict.fromkeys(reason for _, reason in reasons))[:_MOST_REASONS]
    said.append(shares(signals.files, FILE_WEIGHTS, path))
    return LocatedFile(path, round(score, 4), "; ".join(said))


def _function(signals: Signals, place: Place, score: float) -> LocatedFunction:
    why = shares(signals.functions, FUNCTION_WEIGHTS, place)
    return LocatedFunction(place.path, place.part.qualname, round(score, 4), why)
