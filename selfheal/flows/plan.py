"""Request-Planner: ChangeRequest -> Plan, from evidence, a recipe, or a plan that came with it."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from sqlalchemy import Connection

from selfheal.checks.baseline import Baseline
from selfheal.codegraph.source import is_python
from selfheal.contracts import names
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.evolution import PlanningPlan
from selfheal.contracts.plan import Plan
from selfheal.contracts.recipe import Recipe
from selfheal.errors import LeaseConflict, ModelUnavailable
from selfheal.flows import evidence, report
from selfheal.flows.attempting import Ended, Failure, Running, attempt
from selfheal.flows.connect import repository_url
from selfheal.flows.farm import Farm
from selfheal.flows.planners import Case, make_plan
from selfheal.flows.recipes import RecipeBench
from selfheal.index.snapshot import Snapshot
from selfheal.leases import reservations
from selfheal.planning.evolution_plan import plan_from_evolution
from selfheal.planning.recipes import plan_from_rewrite
from selfheal.recipes.rewrite import CannotDo
from selfheal.store import outbox, plans, requests
from selfheal.store.attempts import Attempt, Work
from selfheal.store.plans import PlanRow
from selfheal.workspace.mirror import Mirror

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
                source=Snapshot.at(mirror, sha).holding(is_python),
            )
            _plan_recipe(running, row, bench, recipe=recipe, baseline=baseline)
            return
        evolution = request.request.evolution
        # A later plan is for tests that the first one left failing: it is made from them.
        if evolution is not None and row.number == 1:
            files = Snapshot.at(mirror, sha).paths()
            _plan_evolution(
                running, row, request.request, evolution=evolution, files=files, baseline=baseline
            )
            return
        running.check()
        case = Case(
            running=running,
            row=row,
            request=request.request,
            mirror=mirror,
            tree=tree,
            target=target,
            baseline=baseline,
            wanted=_wanted(running, row, request.request, baseline),
        )
        if not case.wanted and (case.is_shown_by_tests or not case.is_for_a_model):
            _end_without_work(case)
            return
        made = _made(case)
    if not made.steps:
        _end_without_steps(running, made, baseline)
        return
    _store(running, request.request, made)


def _wanted(
    running: Running, row: PlanRow, request: ChangeRequest, baseline: Baseline
) -> tuple[str, ...]:
    """The failing tests that are to pass; a later plan is for what the first one wanted."""
    failing = evidence.wanted_tests(request, baseline)
    if row.number == 1:
        return failing
    with running.farm.database.statement() as connection:
        first = set(plans.wanted_tests(connection, request.id))
    return tuple(test for test in failing if test in first)


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


def _made(case: Case) -> Plan:
    """The plan; where it needs a model that is away, nobody waits for it in a child.

    It is asked again after the pauses that reruns of tasks have (FARM-11).
    """
    running = case.running
    try:
        return make_plan(case)
    except ModelUnavailable as error:
        tried: int = running.checkpoint.get("model_away", 0)
        pauses = running.farm.settings.coding.rerun_after_seconds
        if tried >= len(pauses):
            raise
        running.keep("waiting", model_away=tried + 1)
        running.come_back(pauses[tried], f"it waits for a model: {error}")


def _end_without_work(case: Case) -> None:
    """RP-6: nothing fails. That is what was wanted, or no test shows what was wanted."""
    running, request, baseline = case.running, case.request, case.baseline
    who = running.farm.worker
    with running.effect("nothing fails") as connection:
        if case.row.number > 1:
            report.conclude(connection, request.id, (), after=baseline.evidence, who=who)
        elif case.is_shown_by_tests:
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


def _plan_evolution(
    running: Running,
    row: PlanRow,
    request: ChangeRequest,
    *,
    evolution: PlanningPlan,
    files: tuple[str, ...],
    baseline: Baseline,
) -> None:
    """EV-5: the Planning Agent has planned it; what is left is to put it into Steps."""
    made = plan_from_evolution(
        request,
        evolution,
        plan_id=row.id,
        base_sha=baseline.sha,
        paths=files,
        failing=baseline.failing,
    )
    if made.steps:
        _store(running, request, made)
    else:
        _end_without_steps(running, made, baseline)


def _end_without_steps(running: Running, made: Plan, baseline: Baseline) -> None:
    said = (*made.rationale, *(warning.message for warning in made.warnings))
    why = "; ".join(said[:3]) or "no failing test could be traced"
    reason = running.farm.redactor.redact(f"no step can be planned: {why}")
    with running.effect("no step can be planned") as connection:
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
