"""Coding-Agent: CodingTask -> CommitResult, settled."""

from __future__ import annotations

import time
from functools import partial
from uuid import UUID

from sqlalchemy import Connection

from selfheal.coding import agent
from selfheal.coding.agent import Outcome
from selfheal.contracts import names
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.commit_result import CommitResult
from selfheal.dispatch.settle import settle
from selfheal.errors import Fenced, Transient
from selfheal.flows.attempting import Ended, Failure, Running, attempt
from selfheal.flows.bench import Bench
from selfheal.flows.connect import repository_url
from selfheal.flows.farm import Farm
from selfheal.flows.site import Site
from selfheal.store import requests, rounds
from selfheal.store.attempts import Attempt, Work
from selfheal.store.rounds import TaskRow
from selfheal.workspace.merge import Conflict, Merge, merge_all
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.refs import Refs, task_ref
from selfheal.workspace.worktree import Worktree


def code(farm: Farm, task_id: UUID, *, message_id: UUID | None = None) -> Ended:
    """Work at one CodingTask until its outcome is settled."""
    with farm.database.statement() as connection:
        row = rounds.load_task(connection, task_id)
    work = Work(names.CODE, task_id, row.request_id)
    return attempt(farm, work, message_id, body=partial(_code, row=row), fail=_fail)


def _code(running: Running, *, row: TaskRow) -> None:
    farm = running.farm
    began = time.monotonic()
    with farm.database.statement() as connection:
        request = requests.load(connection, row.request_id).request
    mirror = farm.mirror(repository_url(request.repo))
    mirror.fetch([row.task.base_commit_sha])
    outcome = _resumed(running) or _worked(running, row, request, mirror)
    running.check()
    result = _result(row, outcome, running, seconds=time.monotonic() - began)
    _settle(running, result)
    if outcome.sha and outcome.diff:
        point_task_branch(farm, mirror, row, outcome.sha)


def _resumed(running: Running) -> Outcome | None:
    """What the attempt before this one had committed: nothing is done twice."""
    kept = running.checkpoint.get("outcome")
    return Outcome.model_validate(kept) if kept else None


def _worked(running: Running, row: TaskRow, request: ChangeRequest, mirror: Mirror) -> Outcome:
    """Drive the agent's steps to their end in a worktree of this attempt's own."""
    name = f"code-{running.attempt.id}"
    with running.farm.worktree(mirror, row.task.base_commit_sha, name) as tree:
        base = _base(running, row, tree)
        bench = Bench(Site(running, row, request, mirror=mirror, tree=tree, base=base))
        steps = agent.attempt(base, bench.coders)
        answer = None
        while True:
            running.check()
            try:
                want = steps.send(answer)
            except StopIteration as ended:
                outcome = bench.with_cost(ended.value)
                break
            answer = bench.answer(want)
    if outcome.sha and outcome.diff:
        kept = outcome.model_dump(mode="json")
        running.keep_commit(mirror, outcome.sha, "committed", outcome=kept)
    return outcome


def _base(running: Running, row: TaskRow, tree: Worktree) -> str:
    """CA-2: the merge of what this task depends on, onto the bundle's base; recorded on the row."""
    with running.farm.database.statement() as connection:
        before = rounds.ancestors(connection, row.id)
    merges = [
        Merge(commit=one.result.commit_sha, message=f"Base of {row.id}: with {one.id}")
        for one in before
        if one.result and one.result.status == "SUCCESS"
    ]
    merged = merge_all(tree, merges, onto=row.task.base_commit_sha, identity=running.farm.identity)
    # What does not merge is settled at landing; this task starts from what does.
    base = merged.onto if isinstance(merged, Conflict) else merged.sha
    with running.step() as connection:
        rounds.note_base(connection, row.id, base)
    return base


def _settle(running: Running, result: CommitResult) -> None:
    """The one transaction in which the outcome becomes true."""
    with running.farm.database.begin() as connection:
        settle(connection, running.attempt, result)


def point_task_branch(farm: Farm, mirror: Mirror, row: TaskRow, sha: str) -> None:
    """Point `agt/<task_id>` at the accepted sha, from where it is; repeating it does no harm.

    Where the request has ended it goes away again, for the tidying may be over.
    """
    refs, ref = Refs(mirror), task_ref(str(row.id))
    try:
        refs.push(sha, ref, expect=refs.read(ref))
        with farm.database.statement() as connection:
            ended = requests.load(connection, row.request_id).ended
        if ended:
            refs.delete(ref, expect=sha)
    except Fenced:
        # Somebody else is pointing it at the same accepted sha, or it is tidied away already.
        return


def _result(row: TaskRow, outcome: Outcome, running: Running, *, seconds: float) -> CommitResult:
    redact = running.farm.redactor.redact
    accepted = bool(outcome.sha)
    failed = "SOFT_FAIL" if outcome.retryable else "HARD_FAIL"
    return CommitResult(
        task_id=row.id,
        commit_sha=outcome.sha,
        status="SUCCESS" if accepted else failed,
        branch_name=f"agt/{row.id}" if accepted and outcome.diff else "",
        notes=tuple(map(redact, outcome.notes)),
        verdict=outcome.verdict,
        attempts=outcome.tries,
        tokens=outcome.tokens,
        cost_usd=outcome.usd,
        diff=redact(outcome.diff),
        diff_stat=outcome.stat,
        reason="" if accepted else redact(outcome.reason),
        touched_symbols=outcome.symbols,
        fixed_tests=outcome.fixed,
        looked_at=outcome.looked_at,
        next_step=outcome.next_step,
        seconds={"total": round(seconds, 3)},
    )


def _fail(connection: Connection, begun: Attempt, failure: Failure) -> None:
    """The attempt cannot go on: the task ends with the error as its reason."""
    may_pass = isinstance(failure.error, Transient)
    result = CommitResult(
        task_id=begun.work.subject_id,
        status="SOFT_FAIL" if may_pass else "HARD_FAIL",
        reason=failure.reason,
        attempts=begun.number,
        next_step="submit again later" if may_pass else "mend what the reason names",
    )
    settle(connection, begun, result)
