"""What localisation knows of one file, computed once per blob: its sketch and its words.

A digest stays as it was kept, and is read where it is asked: a text has a hundred words and names,
a repository a million, so that decoding everything would cost ten times the search.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from selfheal.codegraph.source import is_python, source_text
from selfheal.errors import InvalidInput
from selfheal.retrieval.sketch import Part, Sketch, sketch_of, windows, without_imports
from selfheal.retrieval.words import counted

KIND: Final = "digest/4"
"""Under which digests are kept; the number grows when the same blob would give another digest."""

_SECTIONS: Final = 6
_SHELVES: Final = 27
_LAST_NAME: Final = re.compile(r'\["(?:[^"]*\.)?([^".]+)",')
_MOST: Final = 1_000
_SQUARES: Final = (0.0, *((1 + math.log(count)) ** 2 for count in range(1, _MOST + 1)))


@dataclass(frozen=True)
class Digest:
    """One file, as it is kept: sections between null bytes.

    They are the number of words and the length of the file's vector; definitions, imports and
    chunks; words and vector lengths of each chunk; and for each word the chunks that have it. The
    places of a vector are 1 + ln(count) (lnc of Salton and Buckley, 1988).
    """

    sections: tuple[bytes, ...]

    @cached_property
    def words(self) -> int:
        """How many words the file has."""
        return int(self.sections[0].split()[0])

    @cached_property
    def norm(self) -> float:
        """The length of the file's vector."""
        return float(self.sections[0].split()[1])

    @cached_property
    def definitions(self) -> tuple[Part, ...]:
        """What the file defines, in source order."""
        return tuple(Part(*part) for part in json.loads(self.sections[1]))

    @cached_property
    def imports(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """What the file imports: modules, each with names."""
        return tuple((module, tuple(names)) for module, names in json.loads(self.sections[2]))

    @cached_property
    def chunks(self) -> tuple[Part, ...]:
        """The chunks that cover the file."""
        return tuple(Part(*part) for part in json.loads(self.sections[3]))

    @cached_property
    def sizes(self) -> Sequence[tuple[int, float]]:
        """The number of words of each chunk, and the length of its vector."""
        return tuple((words, norm) for words, norm in json.loads(self.sections[4]))

    @property
    def names(self) -> frozenset[str]:
        """The last names of the definitions, which are not decoded for it."""
        return frozenset(_LAST_NAME.findall(self.sections[1].decode()))

    def defining(self, name: str) -> tuple[Part, ...]:
        """The definitions whose last name this is."""
        return tuple(d for d in self.definitions if d.qualname.rpartition(".")[2] == name)

    @cached_property
    def _listed(self) -> tuple[bytes, ...]:
        """The words by their first letter: what is looked through for one is a tenth of them."""
        return tuple(self.sections[5].split(b"\1"))

    def has(self, word: str) -> bool:
        """Whether the file has a word."""
        return bool(self.chunks_with(word))

    def chunks_with(self, word: str) -> Sequence[tuple[int, int]]:
        """Numbers of the chunks that have a word, and how often each has it."""
        shelf, key = _sought(word)
        listed = self._listed[shelf]
        start = listed.find(key)
        if start < 0:
            return ()
        return _pairs(listed[start + len(key) : listed.index(b"\n", start + 1)].split())

    def each_word(self) -> Iterator[tuple[str, Sequence[tuple[int, int]]]]:
        """Every word, with what `chunks_with` says of it."""
        for line in self.sections[5].decode().replace("\1", "").split("\n"):
            if line:
                word, *numbers = line.split(" ")
                yield word, _pairs(numbers)

    def encoded(self) -> bytes:
        """The digest as it is kept."""
        return b"\0".join(self.sections)


def _pairs(numbers: Sequence[bytes] | Sequence[str]) -> tuple[tuple[int, int], ...]:
    return tuple(zip(map(int, numbers[::2]), map(int, numbers[1::2]), strict=True))


def decoded(kept: bytes) -> Digest:
    """What `encoded` gave; raises ValueError for anything else."""
    sections = tuple(kept.split(b"\0"))
    if len(sections) != _SECTIONS:
        raise ValueError(f"expected a digest of {_SECTIONS} sections, found {len(sections)}")
    return Digest(sections)


def digest_of(blob: bytes, path: str) -> Digest:
    """The digest of a file. Never raises for its content: what is no text has no words."""
    try:
        source = source_text(blob) if is_python(path) else blob.decode("utf-8", "replace")
    except InvalidInput:
        source = ""
    python = path.endswith((".py", ".pyx", ".pyi"))
    sketch = sketch_of(source) if python else windows(source)
    lines = (without_imports(source) if python else source).split("\n")
    # A method is about its class too, which its own lines may not name.
    texts = (
        "\n".join((chunk.qualname, *lines[chunk.line - 1 : chunk.end_line]))
        for chunk in sketch.chunks
    )
    return _digest(sketch, texts)


def digest_of_texts(texts: Iterable[str]) -> Digest:
    """The digest of texts that are no file: each is a chunk, which has no lines of its own."""
    return _digest(Sketch((), (), ()), texts)


def _digest(sketch: Sketch, texts: Iterable[str]) -> Digest:
    having: dict[str, list[int]] = {}
    totals: dict[str, int] = {}
    sizes = []
    for number, text in enumerate(texts):
        words = counted(text)
        sizes.append((words.total(), _norm(words.values())))
        for word, count in words.items():
            having.setdefault(word, []).extend((number, count))
            totals[word] = totals.get(word, 0) + count
    listed = [["\n"] for _ in range(_SHELVES)]
    for word, found in having.items():
        listed[_shelf(word)].append(f"{word} {' '.join(map(str, found))}\n")
    return Digest(
        (
            f"{sum(totals.values())} {_norm(totals.values())}".encode(),
            _json([[p.qualname, p.kind, p.line, p.end_line] for p in sketch.definitions]),
            _json(sketch.imports),
            _json([[p.qualname, p.kind, p.line, p.end_line] for p in sketch.chunks]),
            _json(sizes),
            "\1".join(map("".join, listed)).encode(),
        )
    )


def _shelf(word: str) -> int:
    """By the first letter; whatever is no small Latin letter stands together."""
    place = ord(word[0]) - ord("a") + 1
    return place if 0 < place < _SHELVES else 0


@lru_cache(maxsize=1024)
def _sought(word: str) -> tuple[int, bytes]:
    """The shelf that a word stands on, and how its line begins."""
    return _shelf(word), b"\n%s " % word.encode()


def _norm(counts: Iterable[int]) -> float:
    return round(
        math.sqrt(math.fsum([_SQUARES[c] if c < _MOST else _SQUARES[_MOST] for c in counts])), 3
    )


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
