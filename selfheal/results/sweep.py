"""Chords that a dead worker left claimed, and chords whose parts will never all come."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from selfheal.results import statements
from selfheal.results.join import end_chord
from selfheal.results.pool import Pool
from selfheal.results.rows import Claim
from selfheal.results.stock import BaseBackend


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How many chords one sweep has ended, and how."""

    published: int = 0
    failed: int = 0
    begun: int = 0
    """Their bodies had been sent; only the note of it was missing."""

    @property
    def anything(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.published or self.failed or self.begun)


def sweep(
    backend: BaseBackend, pool: Pool, *, claim_seconds: float, overdue_seconds: float | None
) -> Swept:
    """End every chord whose claim has lapsed, and fail those that nothing was heard of for longer.

    Any number of sweeps may run at once. Stops at the first chord that it cannot end: broker or
    database are away. Chords kept by the application are not touched.
    """
    if overdue_seconds:
        pool.rows(statements.GIVE_UP_OVERDUE, {"seconds": float(overdue_seconds)})
    begun = pool.count(statements.CLOSE_BEGUN)
    ended = {"published": 0, "failed": 0}
    while claim := _reclaim(pool, claim_seconds):
        state = end_chord(backend, pool, claim)
        if state is None:
            break
        ended[state] += 1
    return Swept(begun=begun, **ended)


def _reclaim(pool: Pool, claim_seconds: float) -> Claim | None:
    token = uuid4().hex
    rows = pool.rows(statements.RECLAIM, {"token": token, "claim_seconds": claim_seconds})
    return Claim.of(rows, token)
