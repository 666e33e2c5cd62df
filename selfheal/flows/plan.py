"""Request-Planner: ChangeRequest -> Plan, from evidence or from a recipe."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from sqlalchemy import Connection

from selfheal.checks.baseline import Baseline
from selfheal.checks.target import Target
from selfheal.contracts import names
from selfheal.contracts.change_request import SUITE_PASSES, ChangeRequest
from selfheal.contracts.plan import Plan
from selfheal.contracts.recipe import Recipe
from selfheal.errors import LeaseConflict
from selfheal.flows import evidence, report
from selfheal.flows.attempting import Ended, Failure, Running, attempt
from selfheal.flows.connect import repository_url
from selfheal.flows.farm import Farm
from selfheal.flows.recipes import RecipeBench
from selfheal.flows.source import CommitTree
from selfheal.leases import reservations
from selfheal.planning.evidence import plan_from_faults
from selfheal.planning.recipes import plan_from_rewrite
from selfheal.recipes.rewrite import CannotDo
from selfheal.repair.engine import localise
from selfheal.repair.faults import cluster_faults
from selfheal.repair.task import RepairTask
from selfheal.store import outbox, plans, requests
from selfheal.store.attempts import Attempt, Work
from selfheal.store.plans import PlanRow
from selfheal.store.requests import RequestRow
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.worktree import Worktree

SHORTEST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds between two looks at symbols that another plan holds; each pause doubles the wait."""


def plan(farm: Farm, plan_id: UUID, *, message_id: UUID | None = None) -> Ended:
    """Make the plan, or end its request where there is nothing to plan."""
    with farm.database.begin() as connection:
        row = plans.load(connection, plan_id)
    work = Work(names.PLAN, plan_id, row.request_id)
    return attempt(farm, work, message_id, body=partial(_plan, row=row), fail=fail_request)


def fail_request(connection: Connection, begun: Attempt, failure: Failure) -> None:
    """The request ends with the error as its reason. Shared by flows whose failure is its own."""
    cause, next_step = report.cause_of(failure.error)
    report.end_without_fix(
        connection,
        begun.work.request_id,
        cause=cause,
        reason=failure.reason,
        next_step=next_step,
        who=begun.worker,
    )


def _plan(running: Running, *, row: PlanRow) -> None:
    farm = running.farm
    with running.step() as connection:
        request = requests.load(connection, row.request_id)
        requests.advance(
            connection,
            row.request_id,
            "PLANNING",
            who=farm.worker,
            why="looking for what fails" if row.number == 1 else "looking for what still fails",
        )
    if kept := running.checkpoint.get("plan"):
        _store(running, request.request, Plan.model_validate(kept))
        return
    mirror = farm.mirror(repository_url(request.request.repo))
    sha = _base(mirror, row, request.request)
    with farm.worktree(mirror, sha, f"plan-{running.attempt.id}") as tree:
        target = evidence.target_of(running, request.request, tree.folder)
        baseline = evidence.baseline_at(running, request.request, tree, sha=sha, target=target)
        _note_base(running, row, baseline)
        recipe = request.request.recipe
        if recipe is not None:
            bench = RecipeBench(
                running=running,
                request=request.request,
                target=target,
                tree=tree,
                source=CommitTree(mirror, sha),
            )
            _plan_recipe(running, row, bench, recipe=recipe, baseline=baseline)
            return
        wanted = evidence.wanted_tests(request.request, baseline)
        running.check()
        if not wanted:
            _end_without_work(running, request, row, baseline)
            return
        made = _from_evidence(
            running, row, request.request, tree=tree, target=target, wanted=wanted
        )
    if not made.steps:
        _end_without_fault(running, made, baseline)
        return
    _store(running, request.request, made)


def _base(mirror: Mirror, row: PlanRow, request: ChangeRequest) -> str:
    """The commit to plan at: what an earlier round landed, a pinned commit, or the branch's."""
    pinned = row.base_commit_sha or request.context.get("base_sha")
    mirror.fetch([str(pinned)] if pinned else [])
    return mirror.resolve(str(pinned) if pinned else request.branch)


def _note_base(running: Running, row: PlanRow, baseline: Baseline) -> None:
    with running.step() as connection:
        requests.note_base(
            connection,
            row.request_id,
            sha=baseline.sha,
            sandbox=running.farm.sandbox.name,
            evidence=baseline.evidence,
        )


def _end_without_work(
    running: Running, request: RequestRow, row: PlanRow, baseline: Baseline
) -> None:
    """RP-6: nothing fails. That is what was wanted, or no test shows what was wanted."""
    who = running.farm.worker
    with running.effect("nothing fails") as connection:
        if row.number > 1:
            report.conclude(connection, request.id, (), after=baseline.evidence, who=who)
        elif _is_shown_by_tests(request.request):
            report.end_with_nothing_to_do(connection, request.id, baseline.evidence, who=who)
        else:
            report.end_without_fix(
                connection,
                request.id,
                reason="every test passes: none shows what is wanted, and no model is configured",
                next_step="add a test that fails as long as it is missing",
                after=baseline.evidence,
                who=who,
            )


def _is_shown_by_tests(request: ChangeRequest) -> bool:
    """Whether green tests are all that the request wants."""
    shown = request.failing_tests or request.traceback
    return bool(shown) or SUITE_PASSES in request.acceptance_criteria


def _plan_recipe(
    running: Running, row: PlanRow, bench: RecipeBench, *, recipe: Recipe, baseline: Baseline
) -> None:
    """RP-5: what is to be done follows from the recipe and the code; the tests only guard it."""
    rewrite = bench.carry_out(recipe)
    running.check()
    who = running.farm.worker
    if isinstance(rewrite, CannotDo):
        with running.effect("the recipe does not fit") as connection:
            report.end_without_fix(
                connection,
                row.request_id,
                reason=f"cannot {recipe.goal}: {rewrite.reason}",
                next_step=rewrite.next_step,
                after=baseline.evidence,
                who=who,
            )
        return
    if not rewrite.texts:
        found = "; ".join((*rewrite.found, *(one.message for one in rewrite.warnings)))
        with running.effect("nothing to change") as connection:
            report.end_with_nothing_to_do(
                connection, row.request_id, baseline.evidence, why=found, who=who
            )
        return
    request = bench.request
    made = plan_from_rewrite(request, recipe, rewrite, plan_id=row.id, base_sha=baseline.sha)
    _store(running, request, made)


def _from_evidence(
    running: Running,
    row: PlanRow,
    request: ChangeRequest,
    *,
    tree: Worktree,
    target: Target,
    wanted: tuple[str, ...],
) -> Plan:
    """RP-5: run the failing tests traced, rank places, one step per independent fault."""
    localisation = localise(
        RepairTask(
            worktree=tree.folder,
            python=target.python,
            sandbox=running.farm.sandbox,
            pytest_args=target.pytest_args,
            environment=target.environment_in(tree.folder),
            failing=wanted,
            budget_seconds=running.farm.settings.coding.budget_seconds,
            stop=running.stopping,
        )
    )
    faults = tuple(fault for fault in cluster_faults(localisation) if fault.suspects)
    explained = {test for fault in faults for test in fault.failing}
    return plan_from_faults(
        request,
        faults,
        plan_id=row.id,
        base_sha=tree.base,
        unexplained=tuple(test for test in wanted if test not in explained),
    )


def _end_without_fault(running: Running, made: Plan, baseline: Baseline) -> None:
    why = "; ".join(warning.message for warning in made.warnings[:3])
    reason = f"no step can be planned: {why or 'no failing test could be traced'}"
    with running.effect("no fault found") as connection:
        report.end_without_fix(
            connection,
            made.parent_request_id,
            reason=reason,
            after=baseline.evidence,
            who=running.farm.worker,
        )


def _store(running: Running, request: ChangeRequest, made: Plan) -> None:
    """Reserve the symbols and store the plan in one transaction; wait for symbols that are held.

    Nobody waits in a child: those who hold the symbols may need it to go on.
    """
    try:
        _store_once(running, request, made)
    except LeaseConflict as conflict:
        waited: float = running.checkpoint.get("waited", 0.0)
        pause = min(max(waited, SHORTEST_PAUSE), LONGEST_PAUSE)
        if waited + pause > running.farm.settings.leases.wait_seconds:
            raise
        _note_wait(running, made, conflict)
        running.keep("waiting", plan=made.model_dump(mode="json"), waited=waited + pause)
        running.come_back(pause, f"it waits: {conflict}")


def _store_once(running: Running, request: ChangeRequest, made: Plan) -> None:
    symbols = tuple(dict.fromkeys(symbol for step in made.steps for symbol in step.symbols))
    with running.effect("planned") as connection:
        leases = reservations.reserve(
            connection,
            repo=request.repo,
            branch=request.branch,
            symbols=symbols,
            plan_id=made.id,
            ttl_seconds=running.farm.settings.leases.ttl_seconds,
        )
        complete = made.model_copy(
            update={"reserved_lease_ids": tuple(lease.id for lease in leases)}
        )
        plans.store(connection, complete)
        requests.advance(
            connection,
            request.id,
            "PLANNED",
            who=running.farm.worker,
            why=f"{len(made.steps)} steps, {len(leases)} symbols reserved",
        )
        if request.stop_after == "plan":
            report.end_stopped(connection, request, who=running.farm.worker)
        else:
            outbox.put(connection, names.CODE_PLAN, made.id, request_id=request.id)


def _note_wait(running: Running, made: Plan, conflict: LeaseConflict) -> None:
    with running.step() as connection:
        report.note_lease_wait(
            connection, made.parent_request_id, conflict, who=running.farm.worker
        )
