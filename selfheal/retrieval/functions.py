"""Everything that speaks for a function or method, by signal, each between 0 and 1 per query."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from selfheal.retrieval.corpus import Corpus, Place
from selfheal.retrieval.entities import Named
from selfheal.retrieval.fields import Fields
from selfheal.retrieval.fusion import fused, scaled
from selfheal.retrieval.kinds import prior
from selfheal.retrieval.lexical import Chunk, Scores, rarity
from selfheal.retrieval.links import Links
from selfheal.retrieval.weights import ABSOLUTE, FUNCTION_WEIGHTS
from selfheal.retrieval.words import counted

LOOKED_INTO: Final = 60
"""Files whose functions are ranked."""
INNER: Final = 0.55
"""A function within another one is in its text: it has so much of what speaks for that."""
LONG: Final = 150
"""Lines: a longer function has no more to be wrong in."""

Qualified = tuple[str, str]
"""A path and a qualname."""


class FunctionReader:
    """Reads the signals of functions out of one corpus."""

    def __init__(self, corpus: Corpus, links: Links) -> None:
        self._corpus = corpus
        self._links = links

    def read(
        self,
        fields: Fields,
        scores: Scores,
        title: Scores,
        *,
        named: Named,
        files: Mapping[str, float],
    ) -> Mapping[str, Mapping[Place, float]]:
        """The signals of the functions in the best of the files, and of those that are named."""
        first = sorted(files, key=lambda path: (-files[path], path))[:LOOKED_INTO]
        paths = {*first, *(place.path for found in named.places.values() for place in found)}
        places = [place for path in sorted(paths) for place in self._functions(path)]
        found = self._by_words(places, paths, scores, title=title) | {
            "file": scaled({place: files.get(place.path, 0.0) for place in places}),
            "name": scaled(_names_said(places, fields.words)),
            "length": {place: _length(place) for place in places},
        }
        for signal, values in named.places.items():
            functions = {place: value for place, value in values.items() if _is_function(place)}
            found[signal] = functions if signal in ABSOLUTE else scaled(functions)
        best = self.scored(found)
        called = self._links.called(best)
        found["called"] = scaled({p: value for p, value in called.items() if _is_function(p)})
        found["calling"] = scaled(self._links.calling(best, among=places))
        return found

    def scored(self, signals: Mapping[str, Mapping[Place, float]]) -> dict[Place, float]:
        """Scores of functions, each by how likely a file of its kind is meant at all."""
        main, scores = self._corpus.main, fused(signals, FUNCTION_WEIGHTS)
        return {place: score * prior(place.path, main=main) for place, score in scores.items()}

    def _by_words(
        self, places: Iterable[Place], paths: Iterable[str], scores: Scores, *, title: Scores
    ) -> dict[str, Mapping[Place, float]]:
        texts = self._best_of_symbols(paths, scores.chunks)
        titles = self._best_of_symbols(paths, title.chunks)
        cosines = self._best_of_symbols(paths, scores.chunk_cosines)
        found = {
            "chunk": {place: _own(place, texts) for place in places},
            "class": {place: texts.get(_owner(place), 0.0) for place in places},
            "title": {place: titles.get(_key(place), 0.0) for place in places},
            "cosine": {place: cosines.get(_key(place), 0.0) for place in places},
        }
        return {signal: scaled(values) for signal, values in found.items()}

    def _functions(self, path: str) -> Iterator[Place]:
        places = (Place(path, part) for part in self._corpus.files[path].definitions)
        return filter(_is_function, places)

    def _best_of_symbols(
        self, paths: Iterable[str], chunks: Mapping[Chunk, float]
    ) -> dict[Qualified, float]:
        """The best chunk by path and qualname: a long function has several."""
        found: dict[Qualified, float] = {}
        for path in paths:
            for number, part in enumerate(self._corpus.files[path].chunks):
                key = path, part.qualname
                found[key] = max(found.get(key, 0.0), chunks.get((path, number), 0.0))
        return found


def _names_said(places: Sequence[Place], words: Mapping[str, float]) -> dict[Place, float]:
    """How much of the text the names say: a word counts more the fewer of the names have it."""
    names = {place: tuple(counted(place.part.qualname)) for place in places}
    having = Counter(chain.from_iterable(names.values()))
    values = {
        word: words[word] * rarity(len(places), having[word]) for word in having if word in words
    }
    return {
        place: math.fsum(values.get(word, 0.0) for word in said) for place, said in names.items()
    }


def _own(place: Place, texts: Mapping[Qualified, float]) -> float:
    """What the text of a function gives, or that of the one it is in: functions are cut whole."""
    path, qualname = _key(place)
    if (path, qualname) in texts:
        return texts[path, qualname]
    while "." in qualname:
        qualname = qualname.rpartition(".")[0]
        if (path, qualname) in texts:
            return INNER * texts[path, qualname]
    return 0.0


def _length(place: Place) -> float:
    lines = place.part.end_line - place.part.line
    return min(1.0, math.log1p(lines) / math.log(LONG))


def _key(place: Place) -> Qualified:
    return place.path, place.part.qualname


def _owner(place: Place) -> Qualified:
    """Of a method its class, whose own lines are a chunk; of a function what has no name."""
    owner, _, _ = place.part.qualname.rpartition(".")
    return place.path, owner or "-"


def _is_function(place: Place) -> bool:
    return place.part.kind != "class"
