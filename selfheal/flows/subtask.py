"""One SubTask in the hands of its arm, and the end of a request when the last one is settled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from uuid import UUID

from sqlalchemy import Connection

from selfheal.contracts import names
from selfheal.contracts.commit_result import Status
from selfheal.contracts.decomposition import Arm, SubTaskResult
from selfheal.contracts.run_report import Cause
from selfheal.dispatch.subtasks import settle_subtask
from selfheal.errors import Transient
from selfheal.flows import report
from selfheal.flows.arms.code import code
from selfheal.flows.arms.execute import execute
from selfheal.flows.arms.guard import guard
from selfheal.flows.arms.judge import judge
from selfheal.flows.arms.note import note
from selfheal.flows.arms.place import Place
from selfheal.flows.arms.retrieve import retrieve
from selfheal.flows.attempting import Ended, Failure, Running, attempt
from selfheal.flows.farm import Farm
from selfheal.store import attempts, decompositions, requests
from selfheal.store.attempts import Attempt, Work
from selfheal.store.decompositions import SubTaskRow

_ARMS: Mapping[Arm, Callable[[Place], SubTaskResult]] = {
    "planner": note,
    "retriever": retrieve,
    "coder": code,
    "executor": execute,
    "judge": judge,
    "guardian": guard,
}


def subtask(farm: Farm, subtask_id: UUID, *, message_id: UUID | None = None) -> Ended:
    """Let the arm of a SubTask do it, and settle what came of it."""
    with farm.database.begin() as connection:
        row = decompositions.load_subtask(connection, subtask_id)
    work = Work(names.SUBTASK, subtask_id, row.request_id)
    return attempt(
        farm, work, message_id, body=partial(_work, row=row), fail=partial(_fail, row=row)
    )


def give_up(connection: Connection, attempt: Attempt, reason: str, *, next_step: str) -> None:
    """Settle a SubTask whose last attempt was buried in this same transaction."""
    row = decompositions.load_subtask(connection, attempt.work.subject_id)
    lost = _failed(row, "HARD_FAIL", reason, next_step=next_step)
    _settle(connection, row, lost, who="sweeper")


def _work(running: Running, *, row: SubTaskRow) -> None:
    result = _ARMS[row.subtask.required_arm](_place(running, row))
    running.check()
    with running.effect(f"{result.status} {result.summary}") as connection:
        _settle(connection, row, result, who=running.farm.worker)


def _place(running: Running, row: SubTaskRow) -> Place:
    with running.farm.database.begin() as connection:
        decomposition = decompositions.load(connection, row.decomposition_id)
        request = requests.load(connection, row.request_id).request
        others = decompositions.subtasks_of(connection, row.request_id)
    assert decomposition.base_commit_sha, "SubTasks are made in the transaction that stores it"
    return Place(
        running=running,
        request=request,
        row=row,
        base_sha=decomposition.base_commit_sha,
        before=tuple(other.result for other in others if other.result),
    )


def _settle(connection: Connection, row: SubTaskRow, result: SubTaskResult, *, who: str) -> None:
    if settle_subtask(connection, row, result, who=who):
        _conclude(connection, row.request_id, who=who)


def _fail(connection: Connection, begun: Attempt, failure: Failure, *, row: SubTaskRow) -> None:
    """The arm cannot go on: the SubTask ends with the error as its reason."""
    may_pass = isinstance(failure.error, Transient)
    _, next_step = report.cause_of(failure.error)
    attempts.accept(connection, begun, note=f"failed: {failure.reason}")
    lost = _failed(
        row, "SOFT_FAIL" if may_pass else "HARD_FAIL", failure.reason, next_step=next_step
    )
    _settle(connection, row, lost, who=begun.worker)


def _failed(row: SubTaskRow, status: Status, reason: str, *, next_step: str) -> SubTaskResult:
    return SubTaskResult(
        step=row.step,
        arm=row.subtask.required_arm,
        status=status,
        summary=reason,
        next_step=next_step,
    )


def _conclude(connection: Connection, request_id: UUID, *, who: str) -> None:
    """The end of a request whose SubTasks are settled, all of them."""
    rows = decompositions.subtasks_of(connection, request_id)
    results = [row.result for row in rows if row.result]
    landed = next((one for one in reversed(results) if one.landed_sha), None)
    failed = [one for one in results if one.status != "SUCCESS"]
    branch = (landed.landed_branch, landed.landed_sha) if landed else ("", "")
    if not failed:
        report.end(
            connection,
            request_id,
            state="DONE",
            cause="landed" if landed else "carried_out",
            reason=f"all {len(results)} SubTasks are done: {results[-1].summary}",
            who=who,
            landed=branch,
        )
        return
    first = failed[0]
    report.end(
        connection,
        request_id,
        state="PARTIAL" if landed else "FAILED",
        cause="partly_landed" if landed else _cause(failed),
        reason=f"step {first.step} ({first.arm}): {first.summary}",
        who=who,
        next_step=first.next_step or report.NO_FIX_STEP,
        landed=branch,
    )


def _cause(failed: list[SubTaskResult]) -> Cause:
    return "try_later" if any(one.status == "SOFT_FAIL" for one in failed) else "no_fix"
