"""A piece of code that a search found: a definition, or lines between definitions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from selfheal.errors import InvalidInput

TF_IDF: Final = "TF-IDF of words, no embeddings"

_ID = re.compile(r"([0-9a-f]{40,64}):(\d+)-(\d+)\Z")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where it is, what it is, how well it fits. Lines count from 1, both ends included.

    `id` says the blob and the lines, so it is the same in every commit that has the blob, and under
    every path. `why` gives the shares of the score.
    """

    id: str
    path: str
    symbol: str
    kind: str
    line: int
    end_line: int
    score: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Snippet:
    """The text of a chunk; `signature` and `docstring` are the first lines of its definition's."""

    chunk: Chunk
    text: str
    signature: str
    docstring: str


@dataclass(frozen=True, slots=True)
class Found:
    """Chunks, best first; `vectors` says what the vector side was made of."""

    chunks: tuple[Chunk, ...]
    vectors: str = TF_IDF


def chunk_id(blob: str, line: int, end_line: int) -> str:
    """The id of these lines of a blob."""
    return f"{blob}:{line}-{end_line}"


def read_id(written: str) -> tuple[str, int, int]:
    """Blob, first and last line; raises InvalidInput for what is no id."""
    found = _ID.match(written)
    if found is None:
        raise InvalidInput(f"expected the id of a chunk (blob:line-line), found {written[:80]!r}")
    return found[1], int(found[2]), int(found[3])
