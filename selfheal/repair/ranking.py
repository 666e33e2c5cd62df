"""Which plausible patch to prefer, and how much to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from selfheal.repair.candidates import Candidate

# Share of plausible patches that were right, by template, on weakly tested code (measured).
PRECISION = {
    "variable": 0.95,
    "off by one": 0.86,
    "integer constant": 0.86,
    "comparison operator": 0.63,
    "arithmetic operator": 0.58,
}
USUAL_PRECISION = {1: 0.75, 2: 0.55, 3: 0.35}


@dataclass(frozen=True, slots=True)
class Plausible:
    """A candidate that made tests pass and broke none; `number` counts validations."""

    candidate: Candidate
    fixes: tuple[str, ...]
    guards: int
    number: int

    @property
    def size(self) -> int:
        """Characters touched, a stand-in for nodes that does not favour longer names."""
        change = self.candidate.change
        removed = change.end - change.start
        return min(removed, 8) + min(len(change.text), 8)


def ranked(found: Sequence[Plausible]) -> list[Plausible]:
    """Most failing tests fixed first; then the earlier tier, nothing deleted, the higher score."""
    return sorted(
        found,
        key=lambda p: (
            -len(p.fixes),
            p.candidate.template.tier,
            not p.candidate.change.text,
            -p.candidate.score,
            p.size,
            p.number,
        ),
    )


def confidence(chosen: Plausible, found: Sequence[Plausible], failing: int) -> float:
    """A share (0..1): the template's measured precision, lowered by what speaks against it.

    Rivals: with n plausible patches that fix as much in other places or ways, each one beyond the
    first takes a tenth, at most half. Guards: fewer than five passing tests on the changed line
    take up to a third. Rest: failing tests it leaves red take up to a quarter.
    """
    template = chosen.candidate.template
    share = PRECISION.get(template.name, USUAL_PRECISION[template.tier])
    rivals = sum(1 for other in found if len(other.fixes) >= len(chosen.fixes)) - 1
    share *= 1.0 - min(0.5, 0.1 * rivals)
    share *= 1.0 - (5 - min(5, chosen.guards)) / 15
    share *= 1.0 - 0.25 * (1.0 - len(chosen.fixes) / max(1, failing))
    return round(share, 3)
