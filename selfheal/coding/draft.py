"""A draft: what a coder proposes to change."""

from __future__ import annotations

from dataclasses import dataclass

from selfheal.contracts.document import Value


class Draft(Value):
    """New texts of files, by path, with where they come from. JSON, so that it can be resumed."""

    texts: tuple[tuple[str, str], ...]
    origin: str
    confidence: float
    symbols: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDraft:
    """The coder has nothing (more) to propose. `retryable`: asking again later may help."""

    reason: str
    looked_at: tuple[str, ...] = ()
    next_step: str = ""
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """The task's tests pass already where it starts."""

    reason: str
