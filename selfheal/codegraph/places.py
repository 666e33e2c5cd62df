"""Which files of a tree a text is about, by the words they share (no model, no index)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from selfheal.codegraph.parse import facts_in
from selfheal.codegraph.source import MAX_SOURCE_BYTES, SourceTree, is_python, source_text
from selfheal.codegraph.tests_impact import is_test_file
from selfheal.errors import InvalidInput

PATH_WEIGHT, SYMBOL_WEIGHT, TEXT_WEIGHT = 3.0, 2.0, 1.0
TEST_SHARE = 0.5
"""Tests use the words of what they test, and are seldom what is meant."""
SHOWN_SYMBOLS = 5

_IDENTIFIER = re.compile(r"[^\W\d]\w{2,}")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\dA-Za-z_]+")
_COMMON_WORDS = (
    "the and for that this with from not are was all any can has have its into only when where"
    " which what who why how but one two then than test tests change add fix make file files code"
    " def class self return import none true false"
)
_COMMON = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class RankedFile:
    """A file, how much it shares with the text, and its symbols that share most."""

    path: str
    score: float
    symbols: tuple[str, ...]


def rank_files(tree: SourceTree, text: str, *, limit: int = 10) -> tuple[RankedFile, ...]:
    """The Python files that share rare words with `text`, best first.

    A word counts by its inverse document frequency (Spärck Jones 1972), more in a path or in the
    name of a definition than in the text.
    """
    wanted = set(words_of(text))
    files = {path: Counter(words_of(source)) for path, source in _sources(tree)}
    rare = _rarity(files, wanted)
    by_text = {path: _score(path, counts, rare) for path, counts in files.items()}
    best = sorted((path for path, score in by_text.items() if score), key=by_text.__getitem__)
    ranked = [_ranked(tree, path, by_text[path], rare) for path in best[: -limit * 4 - 1 : -1]]
    return tuple(sorted(ranked, key=lambda one: (-one.score, one.path))[:limit])


def words_of(text: str) -> Iterator[str]:
    """The words in a text, those inside identifiers too, without the commonest."""
    for identifier in _IDENTIFIER.findall(text):
        whole = identifier.lower()
        parts = {part.lower() for part in _PART.findall(identifier)} | {whole}
        yield from (part for part in parts if len(part) > 2 and part not in _COMMON)


def _sources(tree: SourceTree) -> Iterator[tuple[str, str]]:
    """What can be read; a file that is no text shares no words."""
    for path in filter(is_python, tree.paths()):
        with suppress(InvalidInput):
            blob = tree.read(path)
            if blob is not None and len(blob) <= MAX_SOURCE_BYTES:
                yield path, source_text(blob)


def _rarity(files: Mapping[str, Counter[str]], wanted: set[str]) -> dict[str, float]:
    found = {
        word: sum(word in counts or word in set(words_of(path)) for path, counts in files.items())
        for word in wanted
    }
    return {word: math.log(1 + len(files) / count) for word, count in found.items() if count}


def _score(path: str, counts: Counter[str], rare: Mapping[str, float]) -> float:
    in_path = set(words_of(path))
    share = TEST_SHARE if is_test_file(path) else 1.0
    return share * sum(
        weight * (TEXT_WEIGHT * math.log1p(counts[word]) + PATH_WEIGHT * (word in in_path))
        for word, weight in rare.items()
    )


def _ranked(tree: SourceTree, path: str, by_text: float, rare: Mapping[str, float]) -> RankedFile:
    facts = facts_in(tree, path)
    names = [
        (sum(rare.get(word, 0.0) for word in set(words_of(definition.qualname))), definition)
        for definition in (facts.definitions if facts else ())
        if definition.kind != "lambda"
    ]
    sharing = sorted(
        ((score, f"{one.qualname} (line {one.span.line})") for score, one in names if score),
        key=lambda found: -found[0],
    )
    best = max((score for score, _ in sharing), default=0.0)
    best *= TEST_SHARE if is_test_file(path) else 1.0
    symbols = tuple(name for _, name in sharing[:SHOWN_SYMBOLS])
    return RankedFile(path, round(by_text + SYMBOL_WEIGHT * best, 3), symbols)
