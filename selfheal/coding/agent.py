"""The attempt loop: draft, apply, check, commit; and again from a clean tree with the failures.

A generator of wants (after httpx's auth flows): tested without network, disk or clock. The coders
of an attempt are asked in turn, the cheap one first; what one of them tried, the next one is told.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from selfheal.coding.draft import (
    CoderName,
    Draft,
    NoDraft,
    NothingToDo,
    Proposal,
    Rejection,
)
from selfheal.contracts.commit_result import DiffStat, Verdict
from selfheal.contracts.document import Value

MAX_TRIES = 3
"""One try of a coder and two more with the failures of the earlier ones (CA-8)."""

T = TypeVar("T")


class Want(Generic[T]):
    """Something the agent asks its driver for; the answer is a T."""


Steps = Generator[Want[Any], Any, T]


@dataclass(frozen=True, slots=True)
class Prepare(Want[None]):
    """A clean tree at the task's base."""


@dataclass(frozen=True, slots=True)
class Propose(Want[Proposal]):
    """A draft of this coder that is none of the rejected ones."""

    coder: CoderName
    rejected: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The draft is in the tree. `diff` is ours, gated."""

    diff: str
    stat: DiffStat
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Apply(Want["Applied | Rejection"]):
    """Bring the draft into the tree: re-emitted as our own diff, gated, within the leases."""

    draft: Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the self-check said. `diff` is the patch after formatting. `untested`: nothing speaks
    against it, for there are no tests that could."""

    verdict: Verdict
    fixed: tuple[str, ...]
    notes: tuple[str, ...]
    reason: str
    diff: str
    stat: DiffStat
    untested: bool = False

    @property
    def good(self) -> bool:
        """Whether the patch may be committed."""
        return self.untested or self.verdict in ("passes", "fixes", "fixes_and_guards")


@dataclass(frozen=True, slots=True)
class Check(Want[Checked]):
    """Formatter, linter and tests on the tree as it stands."""

    draft: Draft
    applied: Applied


@dataclass(frozen=True, slots=True)
class Commit(Want[str]):
    """Commit the gated diff and push it to the attempt's own ref; answers the sha."""

    draft: Draft
    checked: Checked


class Outcome(Value):
    """How the loop ended. `sha` is empty unless something may be accepted. JSON: a takeover after
    the commit starts from it."""

    sha: str = ""
    verdict: Verdict = "none"
    reason: str = ""
    retryable: bool = False
    draft: Draft | None = None
    diff: str = ""
    stat: DiffStat = DiffStat()
    symbols: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    looked_at: tuple[str, ...] = ()
    next_step: str = ""
    tries: int = 0
    tokens: int = 0
    usd: float = 0.0


def ask(want: Want[T]) -> Steps[T]:
    """Yield `want` and give its answer, typed."""
    answer: T = yield want
    return answer


def attempt(base: str, coders: Sequence[CoderName]) -> Steps[Outcome]:
    """The loop for one CodingTask whose tree starts at commit `base`, with at least one coder."""
    rejected: list[Rejection] = []
    ends: list[NoDraft] = []
    for coder in coders:
        found = yield from _tries(coder, base, rejected)
        if isinstance(found, Outcome):
            told = tuple(f"{one.coder}: {one.verdict}: {one.why}" for one in rejected)
            notes = (*found.notes, *told)
            return found.model_copy(update={"notes": notes, "tries": len(rejected) + 1})
        ends.append(found)
    return _without_patch(coders, ends, rejected)


def _tries(coder: CoderName, base: str, rejected: list[Rejection]) -> Steps[Outcome | NoDraft]:
    """What this coder comes to; its rejected drafts are added to those before it."""
    own: list[Rejection] = []
    while len(own) < MAX_TRIES:
        yield from ask(Prepare())
        proposed = yield from ask(Propose(coder, tuple(rejected)))
        if isinstance(proposed, NothingToDo):
            return Outcome(sha=base, verdict="passes", notes=(proposed.reason,))
        if isinstance(proposed, NoDraft):
            return proposed
        tried: Outcome | Rejection
        if isinstance(proposed, Draft):
            tried = yield from _try(proposed)
        else:
            tried = proposed
        if isinstance(tried, Outcome):
            return tried
        rejected.append(tried)
        if any(tried.repeats(earlier) for earlier in own):
            return NoDraft(reason="it proposes the same change again", next_step=_LOOK)
        own.append(tried)
    return NoDraft(reason=f"none of {MAX_TRIES} tries passed the self-check", next_step=_LOOK)


def _try(draft: Draft) -> Steps[Outcome | Rejection]:
    applied = yield from ask(Apply(draft))
    if isinstance(applied, Rejection):
        return applied
    checked = yield from ask(Check(draft, applied))
    if not checked.good:
        return Rejection(
            coder=draft.coder, draft=draft, verdict=checked.verdict, why=checked.reason
        )
    sha = yield from ask(Commit(draft, checked))
    return Outcome(
        sha=sha,
        verdict=checked.verdict,
        draft=draft,
        diff=checked.diff,
        stat=checked.stat,
        symbols=applied.symbols,
        fixed=checked.fixed,
        notes=checked.notes,
    )


_LOOK = "look at the drafts in the timeline, or give more time with --budget"


def _without_patch(
    coders: Sequence[CoderName], ends: Sequence[NoDraft], rejected: Sequence[Rejection]
) -> Outcome:
    """Each coder's reason, and the last rejection where there was one."""
    said = [end.reason for end in ends]
    if len(coders) > 1:
        said = [f"{coder}: {end.reason}" for coder, end in zip(coders, ends, strict=True)]
    if rejected:
        said.append(f"the last draft was rejected: {rejected[-1].why}")
    return Outcome(
        verdict=rejected[-1].verdict if rejected else "none",
        reason="; ".join(said),
        retryable=any(end.retryable for end in ends),
        draft=rejected[-1].draft if rejected else None,
        looked_at=tuple(place for end in ends for place in end.looked_at),
        next_step=ends[-1].next_step,
        notes=tuple(f"{one.coder}: {one.verdict}: {one.why}" for one in rejected),
        tries=len(rejected),
    )
