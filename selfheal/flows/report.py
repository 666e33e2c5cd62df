"""The RunReport a request ends with, made from its rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from uuid import UUID

from sqlalchemy import Connection

from selfheal import __version__
from selfheal.contracts import names
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.commit_result import CommitResult
from selfheal.contracts.recipe import Recipe
from selfheal.contracts.run_report import (
    Cause,
    RunReport,
    State,
    SuiteEvidence,
    TimelineEntry,
)
from selfheal.dispatch import subtasks
from selfheal.errors import (
    BudgetSpent,
    EnvironmentUnusable,
    InvalidAnswer,
    InvalidInput,
    LeaseConflict,
    SelfhealError,
    Transient,
)
from selfheal.leases import reservations
from selfheal.store import attempts, decompositions, events, outbox, plans, requests, rounds
from selfheal.store.events import Event

NO_FIX_STEP = "look at the places named, fix it by hand, or give more time with --budget"
NO_RECIPE_STEP = "look at what speaks against it, and at the warnings: they name what was left"


def end(
    connection: Connection,
    request_id: UUID,
    *,
    state: State,
    cause: Cause,
    reason: str,
    who: str,
    next_step: str = "",
    landed: tuple[str, str] = ("", ""),
    after: SuiteEvidence | None = None,
) -> RunReport:
    """Bring a request to its end: report, leases released, nothing left to send but its tidying.

    `landed` is branch and sha.
    """
    # First, as in every transaction: an attempt's row, then its request's, else two could deadlock.
    attempts.stop_all(connection, request_id, note=f"the request ended {state}")
    report = _compile(
        connection,
        request_id,
        state=state,
        cause=cause,
        reason=reason,
        next_step=next_step,
        landed=landed,
        after=after,
    )
    requests.end(connection, report, who=who)
    for plan in plans.of_request(connection, request_id):
        reservations.release(connection, plan.id)
    outbox.withdraw(connection, request_id)
    outbox.put(connection, names.TIDY, request_id, request_id=request_id)
    _tell_relatives(connection, request_id, who=who)
    return report


def _tell_relatives(connection: Connection, request_id: UUID, *, who: str) -> None:
    """The SubTask that this request ran for hears of it; those that ran for this one end with it.

    Nothing of the other request is locked but by its own end: see decision 10.
    """
    if subtask := decompositions.of_child(connection, request_id):
        subtasks.child_has_ended(connection, subtask)
    for child in decompositions.open_children(connection, request_id):
        end(
            connection,
            child,
            state="CANCELLED",
            cause="cancelled",
            reason=f"the ChangeRequest {request_id}, which it was a part of, has ended",
            who=who,
        )
        requests.ask_to_cancel(connection, child)


def end_without_fix(
    connection: Connection,
    request_id: UUID,
    *,
    reason: str,
    who: str,
    cause: Cause = "no_fix",
    next_step: str = NO_FIX_STEP,
    after: SuiteEvidence | None = None,
) -> RunReport:
    """No (further) fix: FAILED, or PARTIAL where an earlier round has landed something."""
    landed = rounds.last_landed(connection, request_id)
    return end(
        connection,
        request_id,
        state="PARTIAL" if landed else "FAILED",
        cause="partly_landed" if landed else cause,
        reason=f"a part has landed; then: {reason}" if landed else reason,
        who=who,
        next_step=next_step,
        landed=(result_branch(request_id), landed) if landed else ("", ""),
        after=after,
    )


def end_with_nothing_to_do(
    connection: Connection, request_id: UUID, evidence: SuiteEvidence, *, who: str, why: str = ""
) -> RunReport:
    """RP-6: what was wanted is so already, as the tests show, or as `why` says."""
    passing = f"{evidence.passed} tests pass at {evidence.commit_sha[:10]}"
    return end(
        connection,
        request_id,
        state="DONE",
        cause="nothing_to_do",
        reason=f"nothing to do: {why or passing}",
        who=who,
        after=evidence,
    )


def conclude(
    connection: Connection,
    request_id: UUID,
    still_failing: Sequence[str],
    *,
    undone: Sequence[str] = (),
    after: SuiteEvidence,
    who: str,
) -> RunReport:
    """The end after landing: DONE when no wanted test fails any more, else what is missing.

    `undone` is why steps that no test shows came to nothing.
    """
    landed = rounds.last_landed(connection, request_id)
    if not landed and not still_failing and not undone:
        return end_with_nothing_to_do(connection, request_id, after, who=who)
    if landed and not still_failing and not undone:
        return end(
            connection,
            request_id,
            state="DONE",
            cause="landed",
            reason=f"{_done(connection, request_id)}, none newly fails: {after.passed} pass",
            who=who,
            landed=(result_branch(request_id), landed),
            after=after,
        )
    missing = _missing(connection, request_id, still_failing) if still_failing else ""
    return end_without_fix(
        connection,
        request_id,
        reason=missing or "; ".join(dict.fromkeys(undone)),
        after=after,
        who=who,
    )


def conclude_recipe(
    connection: Connection,
    request_id: UUID,
    recipe: Recipe,
    *,
    undone: Sequence[str],
    after: SuiteEvidence,
    who: str,
) -> RunReport:
    """The end after a recipe's landing: DONE when all of it has landed, else why `undone` is."""
    landed = rounds.last_landed(connection, request_id)
    if undone:
        return end_without_fix(
            connection,
            request_id,
            reason="; ".join(dict.fromkeys(undone)),
            next_step=NO_RECIPE_STEP,
            after=after,
            who=who,
        )
    tested = f"no test newly fails, {after.passed} pass"
    untested = "the repository has no tests, so nothing but its syntax backs this"
    return end(
        connection,
        request_id,
        state="DONE",
        cause="landed" if landed else "nothing_to_do",
        reason=f"{recipe.goal}: done; {tested if after.passed or after.failed else untested}",
        who=who,
        landed=(result_branch(request_id), landed) if landed else ("", ""),
        after=after,
    )


def _done(connection: Connection, request_id: UUID) -> str:
    """What a request without anything missing has come to."""
    tasks = rounds.tasks_of_request(connection, request_id)
    if any(task.task.failing_tests for task in tasks):
        return "every test that was wanted passes"
    return "every step is done, as far as tests can say"


def _missing(connection: Connection, request_id: UUID, still_failing: Sequence[str]) -> str:
    """Which tests still fail, and why their tasks came to nothing."""
    shown = ", ".join(still_failing[:3])
    more = f" and {len(still_failing) - 3} more" if len(still_failing) > 3 else ""
    tasks = rounds.tasks_of_request(connection, request_id)
    reasons = dict.fromkeys(
        task.result.reason for task in tasks if task.result and task.result.reason
    )
    return f"{shown}{more} still fail" + "".join(f"; {reason}" for reason in reasons)


def result_branch(request_id: UUID) -> str:
    """The branch that a request's green commits land on."""
    return f"selfheal/{request_id}"


def end_stopped(connection: Connection, request: ChangeRequest, *, who: str) -> RunReport:
    """The stage that the request wanted to stop after has been reached."""
    return end(
        connection,
        request.id,
        state="DONE",
        cause="stopped_after",
        reason=f"stopped after {request.stop_after}, as asked",
        who=who,
    )


def note_lease_wait(
    connection: Connection, request_id: UUID, conflict: LeaseConflict, *, who: str
) -> None:
    """A conflict is never only logged: the request's timeline names the holder."""
    events.record(connection, request_id, who=who, kind="lease", why=f"waiting: {conflict}")


def cause_of(error: Exception) -> tuple[Cause, str]:
    """What an error means for a request, and what its reader can do."""
    if isinstance(error, EnvironmentUnusable | InvalidInput):
        return "environment", "mend what the reason names, then submit again"
    if isinstance(error, Transient):
        return "try_later", "submit again later"
    if isinstance(error, InvalidAnswer | BudgetSpent):
        return "no_fix", "say more in the request, give it a larger budget, or another model"
    if isinstance(error, SelfhealError):
        return "internal", "see the log of the worker named in the timeline"
    return "internal", f"report this as a defect of selfheal {__version__}, with the worker's log"


def _compile(
    connection: Connection,
    request_id: UUID,
    *,
    state: State,
    cause: Cause,
    reason: str,
    next_step: str,
    landed: tuple[str, str],
    after: SuiteEvidence | None,
) -> RunReport:
    row = requests.load(connection, request_id)
    made = plans.of_request(connection, request_id)
    last = next((plan for plan in reversed(made) if plan.bundle), None)
    happened = events.of_request(connection, request_id)
    cut = decompositions.of_request(connection, request_id)
    results = tuple(
        task.result for task in rounds.tasks_of_request(connection, request_id) if task.result
    )
    return RunReport(
        request_id=request_id,
        state=state,
        cause=cause,
        plan_id=last.id if last else None,
        bundle=last.bundle if last else None,
        results=results,
        decomposition=cut.response if cut else None,
        subtasks=tuple(
            one.result for one in decompositions.subtasks_of(connection, request_id) if one.result
        ),
        landed_branch=landed[0],
        landed_sha=landed[1],
        base_sha=row.base_commit_sha or (cut and cut.base_commit_sha) or "",
        reason=reason,
        looked_at=_looked_at(results),
        next_step=next_step,
        before=row.evidence,
        after=after,
        sandbox=row.sandbox or "",
        warnings=tuple(
            warning.message for plan in made if plan.plan for warning in plan.plan.warnings
        ),
        timings=_timings(happened),
        cost={
            "usd": sum(result.cost_usd for result in results),
            "tokens": sum(result.tokens for result in results),
        },
        timeline=tuple(_entry(event) for event in happened),
    )


def _looked_at(results: Sequence[CommitResult]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(place for result in results for place in result.looked_at))


def _timings(happened: Sequence[Event]) -> dict[str, float]:
    """Seconds spent in each state, from one state event to the next."""
    states = [event for event in happened if event.kind == "state" and event.new_state]
    spent: dict[str, float] = {}
    for event, following in pairwise(states):
        name = event.new_state or ""
        seconds = (following.at - event.at).total_seconds()
        spent[name] = round(spent.get(name, 0.0) + seconds, 3)
    return spent


def _entry(event: Event) -> TimelineEntry:
    moved = f"{event.old_state or ''} -> {event.new_state}" if event.new_state else event.kind
    return TimelineEntry(at=event.at, who=event.who, what=moved, why=event.why)
