"""The coder's SubTask: a ChangeRequest of its own, with all that any of them goes through.

Begun twice: first it hands the work over; when that request has ended, it says what came of it.
"""

from __future__ import annotations

import textwrap
from typing import Any, NoReturn
from uuid import UUID, uuid5

from selfheal.contracts.change_request import Budget, ChangeRequest
from selfheal.contracts.commit_result import Status
from selfheal.contracts.decomposition import SubTaskResult
from selfheal.contracts.run_report import RunReport
from selfheal.errors import Stopped
from selfheal.flows.arms.place import Place
from selfheal.flows.submit import ask_for_plan
from selfheal.store import attempts, decompositions, events, requests

LONGEST_GOAL = 20_000


def code(place: Place) -> SubTaskResult:
    """What its ChangeRequest came to; raises Stopped as long as that is under way."""
    if place.row.child_id is None:
        _hand_over(place)
    with place.running.farm.database.begin() as connection:
        child = requests.load(connection, place.row.child_id)
    if child.report is None:
        _wait(place, child.id)
    return _result(place, child.report)


def _hand_over(place: Place) -> NoReturn:
    """One transaction: the request, its plan's message, and the end of this attempt.

    The attempt ends as stopped, and nothing is sent for it: the request's end will do that.
    """
    request, running = child_of(place), place.running
    with running.step() as connection:
        accepted = requests.accept(connection, request)
        assert accepted.id == request.id, "its fingerprint holds the SubTask's id: nothing to fold"
        ask_for_plan(connection, request)
        decompositions.note_child(connection, place.row.id, request.id)
        events.record(
            connection,
            place.row.request_id,
            who=running.farm.worker,
            kind="task",
            task_id=place.row.id,
            why=f"step {place.row.step} (coder) runs as ChangeRequest {request.id}",
        )
        attempts.finish(connection, running.attempt, "stopped", note=_waits_for(request.id))
    raise Stopped(_waits_for(request.id))


def _wait(place: Place, child_id: UUID) -> NoReturn:
    with place.running.step() as connection:
        attempts.finish(connection, place.running.attempt, "stopped", note=_waits_for(child_id))
    raise Stopped(_waits_for(child_id))


def _waits_for(child_id: UUID) -> str:
    return f"it waits for ChangeRequest {child_id}"


def child_of(place: Place) -> ChangeRequest:
    """What the coder is asked for: the step, on what the steps before it have landed."""
    request, subtask = place.request, place.subtask
    whole = textwrap.shorten(request.description, LONGEST_GOAL, placeholder=" ...")
    return ChangeRequest(
        id=uuid5(place.row.id, "coder"),
        repo=request.repo,
        branch=request.branch,
        description=f"{subtask.action}\n\nThis is one step of: {whole}",
        constraints=request.constraints,
        acceptance_criteria=(*request.acceptance_criteria, *subtask.acceptance_criteria),
        context=_context(place),
        affected_paths=request.affected_paths,
        failing_tests=request.failing_tests,
        traceback=request.traceback,
        spdx_tags=request.spdx_tags,
        priority=request.priority,
        source=request.source,
        stop_after=request.stop_after,
        budget=_share(request.budget, _coders(place)),
        allow_sensitive=request.allow_sensitive,
    )


def _context(place: Place) -> dict[str, Any]:
    context = {key: value for key, value in place.request.context.items() if key != "decompose"}
    found = [
        line for result in place.before if result.arm == "retriever" for line in result.findings
    ]
    return {
        **context,
        "base_sha": place.head_sha,
        "subtask": str(place.row.id),
        **({"places": found} if found else {}),
    }


def _share(budget: Budget, coders: int) -> Budget:
    """An equal part for each coder's step: together they spend no more than was allowed."""
    return Budget(
        usd=budget.usd / coders if budget.usd is not None else None,
        tokens=budget.tokens // coders if budget.tokens is not None else None,
        seconds=budget.seconds / coders if budget.seconds is not None else None,
    )


def _coders(place: Place) -> int:
    with place.running.farm.database.begin() as connection:
        rows = decompositions.subtasks_of(connection, place.row.request_id)
    return sum(row.subtask.required_arm == "coder" for row in rows)


def _result(place: Place, report: RunReport) -> SubTaskResult:
    failed: Status = "SOFT_FAIL" if report.cause == "try_later" else "HARD_FAIL"
    told = place.result(
        "SUCCESS" if report.state == "DONE" else failed,
        report.reason,
        findings=report.looked_at,
        next_step=report.next_step,
    )
    return told.model_copy(
        update={
            "change_request_id": report.request_id,
            "landed_branch": report.landed_branch,
            "landed_sha": report.landed_sha,
        }
    )
