"""Words of code and prose: identifiers whole and in their parts, in a common form.

So a text finds what it calls by another form. `selfheal.index.words` keeps the words of a file as
they are written, for whoever must know which files may speak of one exact name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_IDENTIFIER: Final = re.compile(r"[^\W\d]\w+")
_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\dA-Za-z_]+|\d+")
_LONGEST: Final = 80
"""Characters of an identifier: what is longer is data."""

_COMMON_WORDS: Final = (
    "the and for that this with from not are was all any can has have had its into only when where"
    " which what who why how but one two then than will would should could does did doing done been"
    " being there their them they these those you your our out about after before some such also if"
    " is it in on of or as at an be by do to we so no my me"
    " def class self cls return import none true false pass raise except try else elif while lambda"
    " yield async await assert del global nonlocal"
)
_COMMON: Final = frozenset(_COMMON_WORDS.split())


def counted(text: str) -> Counter[str]:
    """How often each word occurs; an identifier counts whole and by its parts."""
    found: Counter[str] = Counter()
    for identifier, count in Counter(_IDENTIFIER.findall(text)).items():
        for word in words_in(identifier):
            found[word] += count
    return found


@lru_cache(maxsize=1 << 17)
def words_in(identifier: str) -> tuple[str, ...]:
    """The words of one identifier, the whole one first; nothing for one that says nothing."""
    if len(identifier) > _LONGEST:
        return ()
    whole = identifier.lower().strip("_")
    parts = [part.lower() for part in _PART.findall(identifier)]
    single = len(parts) <= 1
    said = dict.fromkeys([] if single else [whole])
    said |= dict.fromkeys(_stem(part) for part in parts if len(part) > 1 and part not in _COMMON)
    return tuple(said)


def weighed(texts: Mapping[str, float]) -> dict[str, float]:
    """The words of several texts, each with the weights of the texts that have it, added up."""
    found: dict[str, float] = {}
    for text, weight in texts.items():
        for word, count in counted(text).items():
            found[word] = found.get(word, 0.0) + weight * count
    return found


def _stem(word: str) -> str:
    """A word without its plural or tense: what people write of `duplicate` is "duplicates".

    The rules of S-stemming (Harman 1991), and three endings of verbs.
    """
    if len(word) < 5 or not word.isascii():
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("s") and word[-2] not in "su":
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word[: -len(ending)]
            return word[:-1] if word[-1] == word[-2] and word[-1] not in "lsz" else word
    return word[:-1] if word.endswith("e") else word
