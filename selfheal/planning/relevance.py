"""Which files of a tree a text speaks of, by the words they share."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from selfheal.codegraph.source import SourceTree, is_python
from selfheal.errors import InvalidInput

_WORD: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_]{2,}")
_DEFINED: Final = re.compile(rb"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
_PARTS: Final = re.compile(r"[A-Za-z0-9]{3,}")

_IN_PATH, _DEFINES = 2.0, 3.0
"""What a word counts for in a path, and where the file defines it; 1 for being in the text."""


@dataclass(frozen=True, slots=True)
class Relevant:
    """A file, and how much of the text's rare words it has."""

    path: str
    score: float


def relevant_files(tree: SourceTree, text: str, *, most: int) -> tuple[Relevant, ...]:
    """The Python files that share the rarest words with `text`, best first; at most `most`.

    A word counts by its inverse document frequency, more where the file defines it or is named so.
    """
    wanted = {word.lower() for word in _WORD.findall(text.encode())}
    files = {path: _words(tree, path) for path in filter(is_python, tree.paths())}
    spread = Counter(word for words in files.values() for word in words if word in wanted)
    rarity = {word: math.log(1 + len(files) / count) for word, count in spread.items()}
    scored = [
        Relevant(path, sum(rarity[word] * words[word] for word in wanted & words.keys()))
        for path, words in files.items()
    ]
    best = sorted((one for one in scored if one.score), key=lambda one: (-one.score, one.path))
    return tuple(best[:most])


def outline(source: str) -> str:
    """The lines of a Python source that begin a class or function."""
    kept = re.findall(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+\w+.*$", source, re.MULTILINE)
    return "\n".join(kept)


def _words(tree: SourceTree, path: str) -> dict[bytes, float]:
    try:
        blob = tree.read(path) or b""
    except InvalidInput:
        return {}
    weights = dict.fromkeys((word.lower() for word in _WORD.findall(blob)), 1.0)
    named: Sequence[str] = _PARTS.findall(path.removesuffix(".py"))
    for word in (part.lower().encode() for part in named):
        weights[word] = weights.get(word, 0.0) + _IN_PATH
    for word in (name.lower() for name in _DEFINED.findall(blob)):
        weights[word] = weights.get(word, 0.0) + _DEFINES
    return weights
