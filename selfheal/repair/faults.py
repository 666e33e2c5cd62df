"""Splits failing tests into independent faults, each explained by one most suspicious function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from selfheal.repair.localise import Line, Localisation
from selfheal.repair.task import SuspectFunction

# A line that every failing test runs explains them all when it is at least this near to the best.
SHARED_SHARE = 0.5
MOST_SUSPECTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Failing tests that one defect may explain, and where that may be."""

    failing: tuple[str, ...]
    suspects: tuple[SuspectFunction, ...]


def cluster_faults(localisation: Localisation) -> tuple[Fault, ...]:
    """Group failing tests greedily: the best line takes the tests that run it; then the rest.

    One line shared by all that are left is preferred over a slightly better one that explains
    only some: one defect is likelier than two. Deterministic; ties go by path and line.
    """
    left, faults = list(localisation.failing), []
    while left:
        line = _explaining_line(localisation, left)
        group = [name for name in left if line is not None and _runs(localisation, name, line)]
        group = group or list(left)
        faults.append(Fault(failing=tuple(group), suspects=_suspects(localisation, group)))
        left = [name for name in left if name not in group]
    return tuple(faults)


def _explaining_line(localisation: Localisation, left: list[str]) -> Line | None:
    counts: dict[Line, int] = {}
    for name in left:
        for line in _lines_of(localisation, name):
            counts[line] = counts.get(line, 0) + 1
    scores: Mapping[Line, float] = localisation.lines
    known = sorted(
        (line for line in counts if line in scores), key=lambda line: (-scores[line], line)
    )
    if not known:
        return None
    best = scores[known[0]]
    shared = [line for line in known if counts[line] == len(left)]
    if shared and scores[shared[0]] >= SHARED_SHARE * best:
        return shared[0]
    return known[0]


def _lines_of(localisation: Localisation, name: str) -> set[Line]:
    result = localisation.results[name]
    found = {(path, line) for path, lines in result.lines.items() for line in lines}
    if result.failure:
        found |= {(frame.path, frame.line) for frame in result.failure.frames}
    return found


def _runs(localisation: Localisation, name: str, line: Line) -> bool:
    return line in _lines_of(localisation, name)


def _suspects(localisation: Localisation, group: list[str]) -> tuple[SuspectFunction, ...]:
    run = {line for name in group for line in _lines_of(localisation, name)}
    found = [
        function
        for function in localisation.functions
        if any((function.path, number) in run for number in localisation.body(function))
    ]
    return tuple(found[:MOST_SUSPECTS])
