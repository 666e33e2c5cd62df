"""Where the lines of a SEARCH part stand in a file, from strict to lenient.

A lenient reading is tried only where the stricter ones find nothing, and every reading reports all
its places: choosing between two of them is nobody's business but the author's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

Lines = Sequence[str]


@dataclass(frozen=True, slots=True)
class Shift:
    """How the file is indented compared with the SEARCH part."""

    removed: str = ""
    added: str = ""

    def apply(self, line: str) -> str:
        """The line, indented as the file is; a blank line stays as it is."""
        if not line.strip():
            return line
        if not line.startswith(self.removed):
            return self.added + line.lstrip()
        return self.added + line.removeprefix(self.removed)


@dataclass(frozen=True, slots=True)
class Match:
    """One place. `places` holds, per SEARCH line, the file's line; None for a blank line that the
    file does not have. `exact` if the lines are the same to the last space."""

    places: tuple[int | None, ...]
    shift: Shift
    exact: bool = False

    @property
    def start(self) -> int:
        return min(place for place in self.places if place is not None)

    @property
    def end(self) -> int:
        """The index after the last line."""
        return max(place for place in self.places if place is not None) + 1

    def moved(self, lines: int) -> Match:
        """The same place in a file with more lines in front."""
        places = (None if place is None else place + lines for place in self.places)
        return replace(self, places=tuple(places))


def find_matches(file: Lines, wanted: Lines) -> list[Match]:
    """All places of the strictest reading that finds any."""
    if not any(line.strip() for line in wanted):
        return []
    for reading in _READINGS:
        if found := list(reading(file, wanted)):
            return found
    return []


def _exactly(file: Lines, wanted: Lines) -> Iterator[Match]:
    return (replace(match, exact=True) for match in _runs(file, wanted, _same))


def _without_trailing_space(file: Lines, wanted: Lines) -> Iterator[Match]:
    return _runs(_stripped(file), _stripped(wanted), _same)


def _shifted(file: Lines, wanted: Lines) -> Iterator[Match]:
    return _runs(_stripped(file), _stripped(wanted), _shift_between)


def _without_blank_lines(file: Lines, wanted: Lines) -> Iterator[Match]:
    return _runs_of_text(file, wanted, _same)


def _shifted_without_blank_lines(file: Lines, wanted: Lines) -> Iterator[Match]:
    return _runs_of_text(file, wanted, _shift_between)


_READINGS: Final = (
    _exactly,
    _without_trailing_space,
    _shifted,
    _without_blank_lines,
    _shifted_without_blank_lines,
)

# Gives the shift under which a line of the file equals a wanted one; None when there is none.
Compare = Callable[[str, str], Shift | None]


def _same(found: str, line: str) -> Shift | None:
    return Shift() if found == line else None


def _shift_between(found: str, line: str) -> Shift | None:
    if found.lstrip() != line.lstrip():
        return None
    ours, theirs = _indent(found), _indent(line)
    if ours.endswith(theirs):
        return Shift(added=ours.removesuffix(theirs))
    return Shift(removed=theirs.removesuffix(ours)) if theirs.endswith(ours) else None


def _runs(file: Lines, wanted: Lines, compare: Compare) -> Iterator[Match]:
    """The places where all lines follow each other, under one shift."""
    for start in range(len(file) - len(wanted) + 1):
        shift = _common_shift(file[start : start + len(wanted)], wanted, compare)
        if shift is not None:
            yield Match(tuple(range(start, start + len(wanted))), shift)


def _runs_of_text(file: Lines, wanted: Lines, compare: Compare) -> Iterator[Match]:
    """The same with blank lines left out on both sides."""
    texts = [index for index, line in enumerate(file) if line.strip()]
    asked = [index for index, line in enumerate(wanted) if line.strip()]
    found = _runs(
        _stripped([file[index] for index in texts]),
        _stripped([wanted[index] for index in asked]),
        compare,
    )
    for match in found:
        places: dict[int, int] = {
            line: texts[place]
            for line, place in zip(asked, match.places, strict=True)
            if place is not None
        }
        yield Match(_with_blanks(file, len(wanted), places), match.shift)


def _with_blanks(file: Lines, count: int, places: dict[int, int]) -> tuple[int | None, ...]:
    """Gives each blank wanted line the blank line of the file that follows the place before it."""
    for line in range(1, count):
        before = places.get(line - 1)
        if line in places or before is None or before + 1 >= len(file):
            continue
        if not file[before + 1].strip() and before + 1 < max(places.values()):
            places[line] = before + 1
    return tuple(places.get(line) for line in range(count))


def _common_shift(file: Lines, wanted: Lines, compare: Compare) -> Shift | None:
    common: Shift | None = None
    for found, line in zip(file, wanted, strict=True):
        shift = compare(found, line)
        if shift is None:
            return None
        if line.strip() and common not in (None, shift):
            return None
        if line.strip():
            common = shift
    return common


def _stripped(lines: Lines) -> list[str]:
    return [line.rstrip() for line in lines]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
