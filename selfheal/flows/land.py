"""Landing: the green commits of a round, merged in dependency order and checked together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import Connection

from selfheal.contracts import names
from selfheal.contracts.change_request import ChangeRequest
from selfheal.dispatch.release import open_round
from selfheal.flows import report
from selfheal.flows.attempting import Ended, Running, attempt
from selfheal.flows.code import point_task_branch
from selfheal.flows.connect import repository_url
from selfheal.flows.farm import Farm
from selfheal.flows.history import metrics_of
from selfheal.flows.merge_train import Built, MergeTrain
from selfheal.flows.next_round import NextRound, next_round
from selfheal.flows.plan import fail_request
from selfheal.leases import reservations
from selfheal.store import commit_metrics, events, outbox, plans, requests, rounds
from selfheal.store.attempts import Work
from selfheal.store.plans import PlanRow
from selfheal.store.rounds import RoundRow, TaskRow
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.refs import Refs, result_ref


def land(farm: Farm, round_id: UUID, *, message_id: UUID | None = None) -> Ended:
    """Land what is green in the round; then end the request, or open what follows."""
    with farm.database.begin() as connection:
        row = rounds.load_round(connection, round_id)
        plan = plans.load(connection, row.plan_id)
    work = Work(names.LAND, round_id, plan.request_id)
    return attempt(
        farm, work, message_id, body=partial(_land, row=row, plan=plan), fail=fail_request
    )


def _land(running: Running, *, row: RoundRow, plan: PlanRow) -> None:
    farm = running.farm
    with running.step() as connection:
        request = requests.load(connection, plan.request_id).request
        tasks = rounds.tasks_of_round(connection, row.id)
        landed = rounds.last_landed(connection, plan.request_id)
        green = _green(tasks)
        requests.advance(
            connection,
            plan.request_id,
            "LANDING",
            who=farm.worker,
            why=f"{len(green)} of {len(tasks)} tasks are green",
        )
    _hold_leases(running, request, green, plan=plan)
    mirror = farm.mirror(repository_url(request.repo))
    mirror.fetch([landed] if landed else [])
    for task in green:
        assert task.result is not None
        point_task_branch(farm, mirror, task, task.result.commit_sha)
    if request.stop_after == "code":
        with running.effect("stopped before landing") as connection:
            report.end_stopped(connection, request, who=farm.worker)
        return
    built = _resumed(running) or _build(running, request, green, mirror=mirror, landed=landed)
    running.check()
    if built.sha != built.onto:
        Refs(mirror).push(built.sha, result_ref(str(request.id)), expect=landed)
    _conclude(running, request, built, row=row, plan=plan, tasks=tasks)


def _green(tasks: tuple[TaskRow, ...]) -> tuple[TaskRow, ...]:
    """The tasks whose commit may land; one that had nothing to do has no commit of its own."""
    return tuple(task for task in tasks if task.result and task.result.branch_name)


def _hold_leases(
    running: Running, request: ChangeRequest, green: tuple[TaskRow, ...], *, plan: PlanRow
) -> None:
    """Reserve anew what lapsed on the way; raises LeaseConflict where another plan has it now.

    Leases live as long as a sweeper renews them. After an outage longer than their life another
    plan may be at work on the text that this one has changed.
    """
    changed = _changed_by(green)
    with running.step() as connection:
        gone = reservations.lapsed(connection, plan.id)
        reservations.reserve(
            connection,
            repo=request.repo,
            branch=request.branch,
            symbols=[lease.symbol for lease in gone if lease.symbol.fq_name in changed],
            plan_id=plan.id,
            ttl_seconds=running.farm.settings.leases.ttl_seconds,
        )


def _changed_by(tasks: Sequence[TaskRow]) -> set[str]:
    """The names of the symbols that the tasks were for, or have touched."""
    planned = {symbol.fq_name for task in tasks for symbol in task.task.symbols}
    return planned | {name for task in tasks if task.result for name in task.result.touched_symbols}


def _resumed(running: Running) -> Built | None:
    kept = running.checkpoint.get("built")
    return Built.model_validate(kept) if kept else None


def _build(
    running: Running,
    request: ChangeRequest,
    green: tuple[TaskRow, ...],
    *,
    mirror: Mirror,
    landed: str | None,
) -> Built:
    """Merge and check; then push to the attempt's own ref, and keep that for a takeover.

    The checkpoint is fenced, so at most one commit per round ever goes on to the result branch.
    """
    onto = landed or mirror.resolve(str(request.context.get("base_sha") or request.branch))
    with running.farm.worktree(mirror, onto, f"land-{running.attempt.id}") as tree:
        built = MergeTrain(running, request, tree=tree, onto=onto).run(green)
    kept = built.model_dump(mode="json")
    if built.sha == built.onto:
        running.keep("built", built=kept)
    else:
        running.keep_commit(mirror, built.sha, "built", built=kept)
    return built


def _conclude(
    running: Running,
    request: ChangeRequest,
    built: Built,
    *,
    row: RoundRow,
    plan: PlanRow,
    tasks: tuple[TaskRow, ...],
) -> None:
    """One transaction: what has landed, and what comes next."""
    who = running.farm.worker
    with running.effect(f"landed {len(built.landed)}") as connection:
        if built.sha != built.onto:
            rounds.note_landed(connection, row.id, built.sha)
            _claim(connection, built, tasks, plan=plan)
            if request.evolution is not None:
                measured = metrics_of(built.evidence)
                commit_metrics.note(connection, request.repo, built.sha, measured)
        for refusal in built.refused:
            events.record(
                connection, request.id, who=who, kind="land", task_id=refusal.task, why=refusal.why
            )
        pauses = running.farm.settings.coding.rerun_after_seconds
        following = next_round(built, tasks, number=row.number, pauses=pauses)
        if following:
            _open_next_round(running, connection, following, row=row, plan=plan)
        elif built.still_failing and built.landed and plan.number < _most_plans(running):
            _ask_for_next_plan(running, connection, built, plan=plan)
        elif request.recipe is not None:
            report.conclude_recipe(
                connection,
                request.id,
                request.recipe,
                undone=_undone(connection, request.id, built),
                after=built.evidence,
                who=who,
            )
        else:
            report.conclude(
                connection,
                request.id,
                built.still_failing,
                undone=(
                    _undone(connection, request.id, built, shown_by_tests=False)
                    or _unchanged(connection, request)
                ),
                after=built.evidence,
                who=who,
            )


def _undone(
    connection: Connection, request_id: UUID, built: Built, *, shown_by_tests: bool = True
) -> tuple[str, ...]:
    """Why tasks of any round came to nothing for good, and what was refused in this one.

    Without those that are shown by tests: the tests say whether they are done. In short: what a
    tool or a test said about it at length is in the task's result.
    """
    tasks = rounds.tasks_of_request(connection, request_id)
    again = {task.rerun_of for task in tasks}
    last = [
        task
        for task in tasks
        if task.id not in again and (shown_by_tests or not task.task.failing_tests)
    ]
    failed = [task.result.reason for task in last if task.result and task.result.reason]
    refused = {task.id for task in last}
    return tuple(
        " such as ".join(reason.splitlines()[:2])
        for reason in (*failed, *(one.why for one in built.refused if one.task in refused))
    )


def _unchanged(connection: Connection, request: ChangeRequest) -> tuple[str, ...]:
    """Why an evolution has changed nothing; empty where it has, or the request is another kind.

    What shows a failure may find it gone. A plan that was thought out for a goal is not done so.
    """
    if request.evolution is None or rounds.last_landed(connection, request.id):
        return ()
    tasks = rounds.tasks_of_request(connection, request.id)
    said = dict.fromkeys(note for task in tasks if task.result for note in task.result.notes)
    return (f"no step of the plan came to a change: {'; '.join(said) or 'nothing to do'}",)


def _most_plans(running: Running) -> int:
    return running.farm.settings.coding.max_plans


def _claim(
    connection: Connection, built: Built, tasks: tuple[TaskRow, ...], *, plan: PlanRow
) -> None:
    """The leases of what has landed end with the commit that used them.

    Only now: between acceptance and landing another plan must not build on the old symbol.
    """
    used = _changed_by([task for task in tasks if task.id in built.landed])
    for lease in reservations.held_by(connection, plan.id):
        if lease.symbol.fq_name in used:
            reservations.claim(connection, lease.id, lease.token, commit_sha=built.sha)


def _open_next_round(
    running: Running, connection: Connection, following: NextRound, *, row: RoundRow, plan: PlanRow
) -> None:
    open_round(
        connection,
        following.bundle,
        request_id=plan.request_id,
        number=row.number + 1,
        rerun_of=following.rerun_of,
        delay_seconds=following.delay_seconds,
    )
    requests.advance(
        connection, plan.request_id, "CODING", who=running.farm.worker, why=following.why
    )


def _ask_for_next_plan(
    running: Running, connection: Connection, built: Built, *, plan: PlanRow
) -> None:
    """What has landed may have uncovered failures that the last plan could not see."""
    # The next plan reserves for itself what it needs, and must not wait for this one.
    reservations.release(connection, plan.id)
    following = plans.ask_for(
        connection, plan.request_id, number=plan.number + 1, base_sha=built.sha
    )
    outbox.put(connection, names.PLAN, following, request_id=plan.request_id)
    requests.advance(
        connection,
        plan.request_id,
        "PLANNING",
        who=running.farm.worker,
        why=f"{len(built.still_failing)} wanted tests still fail on top of what has landed",
    )
