"""Context for a prompt: the most useful pieces that fit into a budget of tokens (CA-3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

CHARACTERS_PER_TOKEN = 3
"""Code has three to four to a token; the lower bound keeps a prompt within its budget."""

_SHORTEST_CUT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A text with a title. The greater its value, the earlier it gets its room.

    One that is `needed` gets its room before all others, and is cut in its middle, where a failure
    says least, instead of at its end.
    """

    title: str
    text: str
    value: float = 0.0
    needed: bool = False


def pack(pieces: Iterable[Piece], *, tokens: int) -> tuple[Piece, ...]:
    """The pieces that fit, in the order given. None is cut in the middle of a line.

    What is needed always has some room: all of it shares the budget where it is too much for it.
    A piece that only a part of fits is cut, and says how many lines are left out.
    """
    given = tuple(pieces)
    left = tokens * CHARACTERS_PER_TOKEN
    chosen: dict[int, Piece] = {}
    needed = [place for place, piece in enumerate(given) if piece.needed]
    for rank, place in enumerate(sorted(needed, key=lambda place: _size(given[place]))):
        share = left // (len(needed) - rank)
        chosen[place] = _cut(given[place], share, keep_end=True) or replace(given[place], text="")
        left -= _size(chosen[place])
    rest = [place for place, piece in enumerate(given) if not piece.needed]
    for place in sorted(rest, key=lambda place: (-given[place].value, place)):
        if fitting := _cut(given[place], left, keep_end=False):
            chosen[place] = fitting
            left -= _size(fitting)
    return tuple(chosen[place] for place in sorted(chosen))


def _size(piece: Piece) -> int:
    return len(piece.title) + len(piece.text) + 16  # its fence


def _cut(piece: Piece, room: int, *, keep_end: bool) -> Piece | None:
    """The piece with as many of its lines as there is room for; None when that is next to none."""
    if _size(piece) <= room:
        return piece
    lines = piece.text.split("\n")
    budget = room - _size(replace(piece, text=_left_out(len(lines))))
    head = _fitting(lines, budget // 2 if keep_end else budget)
    used = sum(len(line) + 1 for line in lines[:head])
    tail = _fitting(lines[:head:-1], budget - used) if keep_end else 0
    if head + tail < min(_SHORTEST_CUT, len(lines)):
        return None
    end = lines[len(lines) - tail :] if tail else []
    kept = [*lines[:head], _left_out(len(lines) - head - tail), *end]
    return replace(piece, text="\n".join(kept))


def _left_out(lines: int) -> str:
    return f"[{lines} more lines]"


def _fitting(lines: Sequence[str], room: int) -> int:
    """How many of the first lines have room."""
    for count, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return count
    return len(lines)
