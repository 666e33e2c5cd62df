"""The attempt loop: draft, apply, check, commit; and again from a clean tree with the failures.

A generator of wants (after httpx's auth flows): tested without network, disk or clock.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from selfheal.coding.draft import Draft, NoDraft, NothingToDo
from selfheal.contracts.commit_result import DiffStat, Verdict
from selfheal.contracts.document import Value

MAX_TRIES = 3
"""One try and two more with the failures of the earlier ones (CA-8); further ones add little."""

T = TypeVar("T")


class Want(Generic[T]):
    """Something the agent asks its driver for; the answer is a T."""


Steps = Generator[Want[Any], Any, T]


@dataclass(frozen=True, slots=True)
class Prepare(Want[None]):
    """A clean tree at the task's base."""


@dataclass(frozen=True, slots=True)
class Propose(Want["Draft | NoDraft | NothingToDo"]):
    """A draft that is none of the rejected ones."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A draft that was not good enough, and why: what the next draft is told."""

    draft: Draft
    verdict: Verdict
    why: str


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


def ask(want: Want[T]) -> Steps[T]:
    """Yield `want` and give its answer, typed."""
    answer: T = yield want
    return answer


def attempt(base: str) -> Steps[Outcome]:
    """The loop for one CodingTask whose tree starts at commit `base`."""
    rejected: list[Rejection] = []
    while len(rejected) < MAX_TRIES:
        yield from ask(Prepare())
        draft = yield from ask(Propose(tuple(rejected)))
        if isinstance(draft, NothingToDo):
            return Outcome(sha=base, verdict="passes", notes=(draft.reason,), tries=1)
        if isinstance(draft, NoDraft):
            return _without_draft(draft, rejected)
        tried = yield from _try(draft)
        if isinstance(tried, Outcome):
            return tried.model_copy(update={"tries": len(rejected) + 1})
        if _stuck(tried, rejected):
            return _rejected([*rejected, tried], "the coder proposes the same change again")
        rejected.append(tried)
    return _rejected(rejected, f"none of {MAX_TRIES} tries passed the self-check")


def _try(draft: Draft) -> Steps[Outcome | Rejection]:
    applied = yield from ask(Apply(draft))
    if isinstance(applied, Rejection):
        return applied
    checked = yield from ask(Check(draft, applied))
    if not checked.good:
        return Rejection(draft=draft, verdict=checked.verdict, why=checked.reason)
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


def _stuck(new: Rejection, earlier: list[Rejection]) -> bool:
    return any(old.draft.texts == new.draft.texts for old in earlier)


def _without_draft(nothing: NoDraft, rejected: list[Rejection]) -> Outcome:
    """The coder has nothing more: its reason, and the last rejection where there was one."""
    before = f"; the best draft was rejected: {rejected[-1].why}" if rejected else ""
    return Outcome(
        verdict=rejected[-1].verdict if rejected else "none",
        reason=f"{nothing.reason}{before}",
        retryable=nothing.retryable,
        looked_at=nothing.looked_at,
        next_step=nothing.next_step,
        tries=len(rejected) + 1,
    )


def _rejected(rejected: list[Rejection], reason: str) -> Outcome:
    last = rejected[-1]
    return Outcome(
        verdict=last.verdict,
        reason=f"{reason}: {last.why}",
        draft=last.draft,
        next_step="look at the drafts in the timeline, or give more time with --budget",
        tries=len(rejected),
    )
