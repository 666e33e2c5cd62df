"""What the statements write and return, as values."""

from __future__ import annotations

from dataclasses import dataclass

from celery import states

from selfheal.results.pool import Row


def _values(row: TaskState | Part) -> dict[str, object]:
    """As `asdict`, without its copies: they were a fifth of a write (benchmarks/results.py)."""
    return {name: getattr(row, name) for name in type(row).__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """What STORE writes; JSON values as text for JSONB."""

    task_id: str
    status: str
    result: str
    traceback: str | None = None
    children: str | None = None
    name: str | None = None
    args: str | None = None
    kwargs: str | None = None
    worker: str | None = None
    queue: str | None = None
    retries: int | None = None
    stamps: str | None = None
    group_id: str | None = None
    root_id: str | None = None
    parent_id: str | None = None

    def values(self) -> dict[str, object]:
        """The statement's parameters."""
        return {
            **_values(self),
            "started": self.status == states.STARTED,
            "finished": self.status in states.READY_STATES,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One header task's return, as COUNT_PART writes it. The token is of this one return."""

    chord_id: str
    part_id: str
    part_index: int
    part_state: str
    part_result: str
    token: str
    claim_seconds: float

    def values(self) -> dict[str, object]:
        """The statement's parameters."""
        return _values(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A complete chord that is the holder's to end, until the claim lapses."""

    group_id: str
    token: str
    body: str
    shape: str | None
    reason: str | None

    @classmethod
    def of(cls, rows: list[Row], token: str) -> Claim | None:
        """The claim that a statement returned, if it got one."""
        if not rows or not rows[0]["claimed"]:
            return None
        row = rows[0]
        return cls(
            group_id=row["group_id"],
            token=token,
            body=row["body"],
            shape=row["shape"],
            reason=row["reason"],
        )
