"""What is older than its retention goes, a small batch at a time."""

from __future__ import annotations

from dataclasses import dataclass

from selfheal.results import statements
from selfheal.results.pool import Pool

BATCH = 1_000
"""Rows deleted in one transaction: few enough that nobody waits for them noticeably."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Seconds after the last write; None keeps for ever."""

    results: float | None
    failures: float | None
    groups: float | None
    chords: float | None


def cleanup(pool: Pool, retention: Retention) -> int:
    """Delete what has expired; returns how many rows. Any number may run at once."""
    return sum(
        _delete(pool, statement, seconds)
        for statement, seconds in (
            (statements.EXPIRE_OTHERS, retention.results),
            (statements.EXPIRE_FAILURES, retention.failures),
            (statements.EXPIRE_GROUPS, retention.groups),
            (statements.EXPIRE_CHORDS, retention.chords),
        )
        if seconds is not None
    )


def _delete(pool: Pool, statement: str, seconds: float) -> int:
    total = 0
    while deleted := pool.count(statement, {"seconds": float(seconds), "limit": BATCH}):
        total += deleted
    return total
