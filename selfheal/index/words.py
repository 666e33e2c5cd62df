"""Which words a file has, as numbers: enough to tell who may speak of a name, without the text.

A word is told by the 32 bits of its CRC. So a store holds no text of a file, which may be a secret;
two kilobytes stand for a usual file; and 3,000 files are looked through in 40 ms for any number of
words. Of 30 words looked for in 3,000 files, one in a hundred times one is found where it is not:
whoever asks then parses one file too many. A search by words in a text needs their parts and forms:
these are in `selfheal.retrieval.words`.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from typing import Final
from zlib import crc32

WORDS_KIND: Final = "words/1"

# A byte outside of ASCII is part of a letter in every coding that people write identifiers in.
_DIGITS: Final = frozenset(b"0123456789")
_OF_WORDS: Final = _DIGITS.union(b"_", range(65, 91), range(97, 123), range(128, 256))
# Splitting at blanks takes half of the time that a regular expression takes.
_OTHERS_BLANK: Final = bytes(byte if byte in _OF_WORDS else 32 for byte in range(256))
_WIDTH: Final = 4


def words_of(blob: bytes) -> bytes:
    """Every word of the text once, as 32-bit numbers, the lowest first, little end first."""
    found = set(blob.translate(_OTHERS_BLANK).split())
    words = (word for word in found if word[0] not in _DIGITS)
    numbers = array("I", sorted(set(map(crc32, words))))
    return _little_end_first(numbers).tobytes()


class WantedWords:
    """Looks for words in what is kept of files."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words: dict[int, list[str]] = {}
        for word in filter(None, words):
            self._words.setdefault(crc32(word.encode()), []).append(word)
        self._numbers = frozenset(self._words)

    def found_in(self, kept: bytes) -> frozenset[str]:
        """Those of the words that a file has; none in what is no list of words."""
        numbers = array("I")
        numbers.frombytes(kept[: len(kept) - len(kept) % _WIDTH])
        found = self._numbers.intersection(_little_end_first(numbers))
        return frozenset(word for number in found for word in self._words[number])


def _little_end_first(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
