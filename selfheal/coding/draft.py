"""What a coder proposes to change, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import JsonValue

from selfheal.contracts.commit_result import Verdict
from selfheal.contracts.document import Value

CoderName = Literal["recipe", "repair", "model"]
"""The coders there are: what is computed exactly, search without a model, a model."""


class Draft(Value):
    """New texts of files, by path, with where they come from. JSON, so that it can be resumed."""

    texts: tuple[tuple[str, str], ...]
    coder: CoderName
    origin: str
    confidence: float
    symbols: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()


def keep(drafts: Sequence[Draft] | None) -> JsonValue:
    """Drafts as JSON; None where there are none yet."""
    return None if drafts is None else [draft.model_dump(mode="json") for draft in drafts]


def kept_drafts(kept: JsonValue) -> tuple[Draft, ...] | None:
    """What `keep` made of drafts. None also where none had been found: why is not kept, so the
    search is made again."""
    return tuple(map(Draft.model_validate, kept)) if isinstance(kept, list) and kept else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A draft that was not good enough, and why: what the next draft is told.

    Without a draft it is an answer that could not even be read as one, or changed nothing.
    """

    coder: CoderName
    draft: Draft | None
    verdict: Verdict
    why: str

    def repeats(self, earlier: Rejection) -> bool:
        """Whether the coder is stuck: the same change, or the same misfit, as before."""
        if self.draft is None or earlier.draft is None:
            return self.draft is earlier.draft and self.why == earlier.why
        return self.draft.texts == earlier.draft.texts


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


Proposal = Draft | Rejection | NoDraft | NothingToDo
"""What a coder comes up with when it is asked."""


class Coder(Protocol):
    """Somebody who drafts changes for one CodingTask."""

    def propose(self, rejected: Sequence[Rejection]) -> Proposal:
        """The next draft after those that were rejected, or why there is none."""
        ...

    @property
    def kept(self) -> JsonValue:
        """What an attempt that takes over needs, so that nothing is paid for twice; or None."""
        ...
