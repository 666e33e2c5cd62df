"""What the farm of a storm works at: all of the bookkeeping, and a wait where an agent would work.

Attempts, leases, chords, rounds, the outbox and reports are the farm's own. Each effect is noted in
a ledger as well, in the transaction of the effect: the ledger has no constraint, so an effect that
came twice would be there twice, whatever the farm's own tables keep out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID, uuid5

from pydantic import BaseModel
from sqlalchemy import Connection, text

from selfheal.contracts import names
from selfheal.contracts.bundle import CodingTask, TaskBundle
from selfheal.contracts.commit_result import CommitResult, Status
from selfheal.contracts.plan import Plan, Step, Symbol
from selfheal.contracts.run_report import State, SuiteEvidence
from selfheal.dispatch.release import open_round
from selfheal.dispatch.settle import settle
from selfheal.errors import LeaseConflict
from selfheal.flows import report
from selfheal.flows.attempting import Failure, Running, attempt
from selfheal.flows.farm import Farm
from selfheal.flows.merge_train import Built
from selfheal.flows.next_round import next_round
from selfheal.flows.plan import fail_request
from selfheal.leases import reservations
from selfheal.store import outbox, plans, requests, rounds
from selfheal.store.attempts import Attempt, Work
from selfheal.store.plans import PlanRow
from selfheal.store.rounds import RoundRow, TaskRow

SHA = "0" * 40
LEDGER = "CREATE TABLE IF NOT EXISTS ledger (work text, subject_id uuid, token bigint)"
_STAGES = ("drafted", "applied", "checked", "committed")


class Load(BaseModel):
    """How much one request makes: tasks, seconds each waits, how often one does not succeed."""

    tasks: int = 20
    seconds: float = 0.05
    parents: int = 3
    soft: float = 0.06
    hard: float = 0.04
    symbols: tuple[str, ...] = ()


def plan(farm: Farm, plan_id: UUID, *, message_id: UUID) -> None:
    """As `selfheal.flows.plan`: symbols are reserved; a request without tasks ends here."""
    with farm.database.begin() as connection:
        row = plans.load(connection, plan_id)
    work = Work(names.PLAN, plan_id, row.request_id)
    attempt(farm, work, message_id, body=partial(_plan, row=row), fail=fail_request)


def _plan(running: Running, *, row: PlanRow) -> None:
    load = _begin(running, row.request_id, "PLANNING")
    running.wait(load.seconds)
    try:
        with _effect(running) as connection:
            if load.tasks:
                _reserve(connection, running, row, load)
            else:
                who = running.farm.worker
                report.end_with_nothing_to_do(connection, row.request_id, SuiteEvidence(), who=who)
    except LeaseConflict as conflict:
        running.come_back(0.2, f"it waits: {conflict}")


def _reserve(connection: Connection, running: Running, row: PlanRow, load: Load) -> None:
    request = requests.load(connection, row.request_id).request
    symbols = tuple(Symbol(fq_name=one, kind="function", file_path="a.py") for one in load.symbols)
    reservations.reserve(
        connection,
        repo=request.repo,
        branch=request.branch,
        symbols=symbols,
        plan_id=row.id,
        ttl_seconds=running.farm.settings.leases.ttl_seconds,
    )
    step = Step(order=1, goal="wait", kind="EDIT", path="a.py", symbols=symbols)
    made = Plan(
        id=row.id,
        parent_request_id=row.request_id,
        steps=(step,),
        base_commit_sha=SHA,
        planner="storm",
    )
    plans.store(connection, made)
    requests.advance(connection, row.request_id, "PLANNED", who=running.farm.worker, why="planned")
    outbox.put(connection, names.CODE_PLAN, row.id, request_id=row.request_id)


def code_plan(farm: Farm, plan_id: UUID, *, message_id: UUID) -> None:
    """As `selfheal.flows.code_plan`: a random graph, the same at each attempt."""
    with farm.database.begin() as connection:
        row = plans.load(connection, plan_id)
    work = Work(names.CODE_PLAN, plan_id, row.request_id)
    attempt(farm, work, message_id, body=partial(_code_plan, row=row), fail=fail_request)


def _code_plan(running: Running, *, row: PlanRow) -> None:
    load = _begin(running, row.request_id, "CODE_PLANNING")
    running.wait(load.seconds)
    bundle = graph(row.id, load)
    with _effect(running) as connection:
        plans.store_bundle(connection, bundle)
        open_round(connection, bundle, request_id=row.request_id)
        requests.advance(
            connection, row.request_id, "CODING", who=running.farm.worker, why="a round"
        )


def graph(plan_id: UUID, load: Load) -> TaskBundle:
    """Tasks of which each needs up to `load.parents` earlier ones."""
    chance = random.Random(plan_id.int)
    ids = [uuid5(plan_id, str(number)) for number in range(load.tasks)]
    tasks = tuple(
        CodingTask(
            id=task_id,
            parent_plan_id=plan_id,
            step_number=number + 1,
            goal="wait",
            kind="EDIT",
            paths=("a.py",),
            depends_on=tuple(
                chance.sample(ids[:number], min(number, chance.randint(0, load.parents)))
            ),
            base_commit_sha=SHA,
        )
        for number, task_id in enumerate(ids)
    )
    return TaskBundle(plan_id=plan_id, tasks=tasks, base_commit_sha=SHA)


def code(farm: Farm, task_id: UUID, *, message_id: UUID) -> None:
    """As `selfheal.flows.code`, with its checkpoints."""
    with farm.database.begin() as connection:
        row = rounds.load_task(connection, task_id)
    work = Work(names.CODE, task_id, row.request_id)
    attempt(farm, work, message_id, body=partial(_code, row=row), fail=_fail)


def _code(running: Running, *, row: TaskRow) -> None:
    with running.step() as connection:
        load = _load_of(connection, row.request_id)
        rounds.note_base(connection, row.id, SHA)
    chance = random.Random(row.id.int)
    seconds, kept = chance.uniform(0, 2 * load.seconds), running.checkpoint.get("stages", [])
    status: Status = chance.choices(
        ("SUCCESS", "SOFT_FAIL", "HARD_FAIL"), (1 - load.soft - load.hard, load.soft, load.hard)
    )[0]
    for stage in _STAGES[len(kept) :]:
        running.wait(seconds / len(_STAGES))
        kept = [*kept, stage]
        running.keep(stage, stages=kept)
    with running.farm.database.begin() as connection:
        settle(connection, running.attempt, result(row.id, status))
        _note(connection, running.attempt)


def result(task_id: UUID, status: Status, reason: str = "as the dice fell") -> CommitResult:
    """The outcome of a task; one that succeeds has a branch, as if it had changed something."""
    if status == "SUCCESS":
        return CommitResult(
            task_id=task_id, status=status, commit_sha=SHA, branch_name=f"agt/{task_id}"
        )
    return CommitResult(task_id=task_id, status=status, reason=reason)


def _fail(connection: Connection, begun: Attempt, failure: Failure) -> None:
    settle(connection, begun, result(begun.work.subject_id, "HARD_FAIL", failure.reason))


def land(farm: Farm, round_id: UUID, *, message_id: UUID) -> None:
    """As `selfheal.flows.land`: claims the leases, and ends the request or opens what follows."""
    with farm.database.begin() as connection:
        row = rounds.load_round(connection, round_id)
        asked = plans.load(connection, row.plan_id)
    work = Work(names.LAND, round_id, asked.request_id)
    attempt(farm, work, message_id, body=partial(_land, row=row, asked=asked), fail=fail_request)


def _land(running: Running, *, row: RoundRow, asked: PlanRow) -> None:
    load = _begin(running, asked.request_id, "LANDING")
    running.wait(load.seconds)
    running.keep("built", built=True)
    who = running.farm.worker
    with _effect(running) as connection:
        tasks = rounds.tasks_of_round(connection, row.id)
        built = Built(onto=SHA, sha=SHA, evidence=SuiteEvidence())
        rounds.note_landed(connection, row.id, SHA)
        following = next_round(built, tasks, number=row.number, pauses=(0.0,))
        if following:
            open_round(
                connection,
                following.bundle,
                request_id=asked.request_id,
                number=row.number + 1,
                rerun_of=following.rerun_of,
            )
            requests.advance(connection, asked.request_id, "CODING", who=who, why=following.why)
            return
        for lease in reservations.held_by(connection, asked.id):
            reservations.claim(connection, lease.id, lease.token, commit_sha=SHA)
        report.conclude(connection, asked.request_id, (), after=built.evidence, who=who)


def tidy(farm: Farm, _: UUID, *, message_id: UUID) -> None:
    """There are no refs to tidy."""
    with farm.database.begin() as connection:
        outbox.mark_received(connection, message_id)
    farm.flush()


def _begin(running: Running, request_id: UUID, state: State) -> Load:
    with running.step() as connection:
        requests.advance(connection, request_id, state, who=running.farm.worker, why="begun")
        return _load_of(connection, request_id)


def _load_of(connection: Connection, request_id: UUID) -> Load:
    return Load.model_validate(requests.load(connection, request_id).request.context)


@contextmanager
def _effect(running: Running) -> Iterator[Connection]:
    with running.effect("done") as connection:
        _note(connection, running.attempt)
        yield connection


def _note(connection: Connection, done: Attempt) -> None:
    connection.execute(
        text("INSERT INTO ledger (work, subject_id, token) VALUES (:work, :subject, :token)"),
        {"work": done.work.name, "subject": done.work.subject_id, "token": done.token},
    )
