"""What localisation knows of one file, computed once per blob: its outline and its words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from selfheal.codegraph.source import is_python, source_text
from selfheal.errors import InvalidInput
from selfheal.retrieval.outline import Outline, Part, outline_of, windows, without_imports
from selfheal.retrieval.words import counted

KIND: Final = "digest/1"
"""Under which digests are kept; the number grows when the same blob would give another digest."""

_MOST: Final = 1_000
_PLACES: Final = (0.0, *((1 + math.log(count)) ** 2 for count in range(1, _MOST + 1)))


@dataclass(frozen=True, slots=True)
class Digest:
    """One file. `postings` lists for each word the chunks that have it: number, count, number, ...

    `lengths` are the words of each chunk; `norms` the lengths of their vectors, whose places are
    1 + ln(count), and last that of the whole file (lnc of Salton and Buckley, 1988).
    """

    outline: Outline
    lengths: tuple[int, ...]
    norms: tuple[float, ...]
    postings: Mapping[str, Sequence[int]]

    def chunks_with(self, word: str) -> Sequence[tuple[int, int]]:
        """Numbers of the chunks that have a word, and how often each."""
        found = self.postings.get(word, ())
        return tuple(zip(found[::2], found[1::2], strict=True))

    def encoded(self) -> bytes:
        """The digest as it is kept."""
        outline = self.outline
        return json.dumps(
            [
                [[p.qualname, p.kind, p.line, p.end_line] for p in outline.definitions],
                outline.imports,
                [[p.qualname, p.kind, p.line, p.end_line] for p in outline.chunks],
                self.lengths,
                self.norms,
                self.postings,
            ],
            separators=(",", ":"),
        ).encode()


def decoded(kept: bytes) -> Digest:
    """What `encoded` gave; raises ValueError for anything else."""
    try:
        definitions, imports, chunks, lengths, norms, postings = json.loads(kept)
        return Digest(
            Outline(
                tuple(Part(*part) for part in definitions),
                tuple((module, tuple(names)) for module, names in imports),
                tuple(Part(*part) for part in chunks),
            ),
            tuple(lengths),
            postings,
        )
    except TypeError as error:
        raise ValueError(f"expected a kept digest, found something else: {error}") from error


def digest_of(blob: bytes, path: str) -> Digest:
    """The digest of a file. Never raises for its content: what is no text has no words."""
    try:
        source = source_text(blob) if is_python(path) else blob.decode("utf-8", "replace")
    except InvalidInput:
        return Digest(Outline((), (), ()), (), (0.0,), {})
    python = path.endswith((".py", ".pyx", ".pyi"))
    outline = outline_of(source) if python else windows(source)
    lines = (without_imports(source) if python else source).split("\n")
    postings: dict[str, list[int]] = {}
    lengths, norms = [], []
    for number, chunk in enumerate(outline.chunks):
        words = counted("\n".join(lines[chunk.line - 1 : chunk.end_line]))
        lengths.append(words.total())
        norms.append(_norm(words.values()))
        for word, count in words.items():
            postings.setdefault(word, []).extend((number, count))
    norms.append(_norm(sum(found[1::2]) for found in postings.values()))
    return Digest(outline, tuple(lengths), tuple(norms), postings)


def _norm(counts: Iterable[int]) -> float:
    return round(math.sqrt(sum(_PLACES[min(count, _MOST)] for count in counts)), 3)
