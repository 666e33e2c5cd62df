"""CP-2: the paths that a step means which names none, from what it says."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

from selfheal.errors import InvalidInput, TimedOut
from selfheal.retrieval.fields import fields_of
from selfheal.retrieval.fusion import scaled
from selfheal.retrieval.kinds import is_test
from selfheal.retrieval.search import Retrieval

MOST_NAMES: Final = 5
"""Names that no definition has, and that lines are searched for."""

LOCATED, CHUNKS, LINES = 1.0, 0.4, 0.3
"""What the ranking of files, of chunks and of lines that match gives, at most."""


def lookup_in(search: Callable[[], Retrieval]) -> Callable[[str, Sequence[str]], Sequence[str]]:
    """`paths_for` in what `search` opens: only where it is asked, for it reads all of a commit."""
    return lambda goal, hints: paths_for(search(), goal, hints=hints)


def paths_for(
    search: Retrieval, goal: str, *, hints: Iterable[str] = (), limit: int = 5
) -> tuple[str, ...]:
    """The files that a goal with its hints is about, best first; nothing where no word is known.

    Symbols are looked up in the index of definitions; names that none has (a setting, a key of a
    mapping) are searched for as they are written.
    """
    text = "\n".join((goal, *hints))
    scores: dict[str, float] = defaultdict(float)
    located = {file.path: file.score for file in search.locate(text, limit=2 * limit).files}
    for path, score in scaled(located).items():
        scores[path] += LOCATED * score
    chunks = search.hybrid_search(text, k=4 * limit).chunks
    for path, score in scaled({chunk.path: chunk.score for chunk in reversed(chunks)}).items():
        scores[path] += CHUNKS * score
    for path, share in _matching(search, text).items():
        scores[path] += LINES * share
    sources = [path for path in scores if not is_test(path) and path in search.corpus.files]
    return tuple(sorted(sources, key=lambda path: (-scores[path], path))[:limit])


def _matching(search: Retrieval, text: str) -> dict[str, float]:
    """Files with lines that have a name which nothing is defined as, by how few have it."""
    names = sorted(fields_of(text).names.items(), key=lambda named: (-named[1], named[0]))
    unknown = [name for name, weight in names if weight > 0.5 and not search.corpus.named(name)]
    found: dict[str, float] = defaultdict(float)
    for name in unknown[:MOST_NAMES]:
        with suppress(InvalidInput, TimedOut):
            lines = search.grep_like(rf"\b{re.escape(name)}\b")
            paths = {line.path for line in lines}
            for path in paths:
                found[path] += 1.0 / len(paths)
    return scaled(found)
