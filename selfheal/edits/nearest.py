"""The lines of a file that come nearest to what was looked for, for the message of a miss."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Final

SHOWN_LINES: Final = 12

# A window is compared in full only if it is among this many with most lines in common.
_COMPARED_WINDOWS = 5
_LONGEST_FILE = 20_000


def nearest_lines(file: Sequence[str], wanted: Sequence[str]) -> str:
    """The most similar stretch with line numbers from 1; empty when nothing is similar."""
    start = _nearest_start(file[:_LONGEST_FILE], [line for line in wanted if line.strip()])
    if start is None:
        return ""
    shown = range(max(0, start - 1), min(len(file), start + min(len(wanted), SHOWN_LINES) + 1))
    width = len(str(shown.stop))
    return "\n".join(f"{index + 1:>{width}} | {file[index]}" for index in shown)


def _nearest_start(file: Sequence[str], wanted: Sequence[str]) -> int | None:
    if not wanted or not file:
        return None
    best = [start for score, start in _windows_with_most_in_common(file, wanted) if score > 0]
    if not best:
        return _most_similar_line(file, wanted)
    asked = "\n".join(line.strip() for line in wanted)
    matcher = difflib.SequenceMatcher(b=asked, autojunk=False)

    def similarity(start: int) -> float:
        matcher.set_seq1("\n".join(line.strip() for line in file[start : start + len(wanted)]))
        return matcher.ratio()

    return max(best[:_COMPARED_WINDOWS], key=similarity)


def _windows_with_most_in_common(
    file: Sequence[str], wanted: Sequence[str]
) -> list[tuple[int, int]]:
    """(lines in common, start) of every window, best first; counted by one sliding sum."""
    asked = {line.strip() for line in wanted}
    hits = [line.strip() in asked and bool(line.strip()) for line in file]
    size = len(wanted)
    score = sum(hits[:size])
    scores = [(score, 0)]
    for start in range(1, len(file) - size + 1):
        score += hits[start + size - 1] - hits[start - 1]
        scores.append((score, start))
    return sorted(scores, key=lambda row: (-row[0], row[1]))


def _most_similar_line(file: Sequence[str], wanted: Sequence[str]) -> int | None:
    longest = max((line.strip() for line in wanted), key=len)
    stripped = [line.strip() for line in file]
    close = difflib.get_close_matches(longest, stripped, n=1, cutoff=0.5)
    return stripped.index(close[0]) if close else None
