"""Code-Planner: Plan -> TaskBundle, and the release of its first CodingTasks."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, partial
from uuid import UUID

import structlog

from selfheal.code_planning.planner import CodePlanner
from selfheal.code_planning.prefetch import with_chunks
from selfheal.contracts import names
from selfheal.contracts.bundle import TaskBundle
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.plan import Plan
from selfheal.dispatch.release import open_round
from selfheal.flows import report
from selfheal.flows.attempting import Ended, Running, attempt
from selfheal.flows.connect import repository_url
from selfheal.flows.farm import Farm
from selfheal.flows.plan import fail_request
from selfheal.index.broker_store import BrokerStore
from selfheal.index.index import Index, Tally
from selfheal.index.snapshot import Snapshot
from selfheal.retrieval.lookup import lookup_in
from selfheal.store import code_plan_figures, plans, requests
from selfheal.store.attempts import Work
from selfheal.store.code_plan_figures import Making
from selfheal.workspace.mirror import Mirror


def code_plan(farm: Farm, plan_id: UUID, *, message_id: UUID | None = None) -> Ended:
    """Cut the plan into CodingTasks and release those that wait for nothing."""
    with farm.database.begin() as connection:
        row = plans.load(connection, plan_id)
    assert row.plan is not None, "a code plan is asked for in the transaction that stores the plan"
    work = Work(names.CODE_PLAN, plan_id, row.request_id)
    return attempt(
        farm, work, message_id, body=partial(_code_plan, plan=row.plan), fail=fail_request
    )


def _code_plan(running: Running, *, plan: Plan) -> None:
    farm = running.farm
    with running.step() as connection:
        request = requests.load(connection, plan.parent_request_id).request
        requests.advance(
            connection,
            request.id,
            "CODE_PLANNING",
            who=farm.worker,
            why=f"cutting {len(plan.steps)} steps into tasks",
        )
    span = partial(farm.code_planner_spans.span, request=request.id)
    with span(
        "code_plan", plan_id=str(plan.id), steps=len(plan.steps), token=running.attempt.token
    ):
        mirror, known = farm.mirror(repository_url(request.repo)), _Known(farm.index, farm.graphs)
        with span("cut"), known.graphs or nullcontext():
            mirror.fetch([plan.base_commit_sha])
            bundle = _cut(farm, mirror, plan, known=known, request_id=request.id)
        running.check()
        with span("retrieve"):
            bundle = _with_chunks(farm, mirror, bundle, request_id=request.id)
        with span("release", tasks=len(bundle.tasks)):
            _release(running, request, bundle, making=known.making())


@dataclass(frozen=True, slots=True)
class _Known:
    """What was known before: of files, and of linked graphs where the broker keeps them."""

    index: Index
    graphs: BrokerStore | None

    def making(self) -> Making:
        """How much of what the plan asked for was known."""
        files, graphs = self.index.tally, self.graphs.tally if self.graphs else Tally()
        return Making(
            read_seconds=files.seconds,
            hits={"files": files.hits, "graphs": graphs.hits},
            misses={"files": files.misses, "graphs": graphs.misses},
        )


def _cut(farm: Farm, mirror: Mirror, plan: Plan, *, known: _Known, request_id: UUID) -> TaskBundle:
    sha = plan.base_commit_sha
    everything = cache(partial(farm.retrieval, mirror, sha, request_id=request_id))
    lookup = lookup_in(everything)
    tree, index = Snapshot.at(mirror, sha), known.index
    bundle = CodePlanner(tree, index, lookup=lookup, graphs=known.graphs).run(plan)
    structlog.get_logger().info(
        "The files around the plan are read.",
        action="code_plan.index",
        hits=index.tally.hits,
        misses=index.tally.misses,
        hit_rate=round(index.tally.hit_rate, 3),
    )
    return bundle


def _with_chunks(farm: Farm, mirror: Mirror, bundle: TaskBundle, *, request_id: UUID) -> TaskBundle:
    paths = {path for task in bundle.tasks for path in task.paths}
    sha = bundle.base_commit_sha
    return with_chunks(bundle, farm.retrieval(mirror, sha, paths=paths, request_id=request_id))


def _release(
    running: Running, request: ChangeRequest, bundle: TaskBundle, *, making: Making
) -> None:
    with running.effect(f"{len(bundle.tasks)} tasks") as connection:
        plans.store_bundle(connection, bundle)
        code_plan_figures.note(connection, bundle, making)
        if request.stop_after == "code_plan":
            report.end_stopped(connection, request, who=running.farm.worker)
            return
        open_round(connection, bundle, request_id=request.id)
        requests.advance(
            connection,
            request.id,
            "CODING",
            who=running.farm.worker,
            why=f"{len(bundle.tasks)} tasks, {_free(bundle)} of them at once",
        )


def _free(bundle: TaskBundle) -> int:
    if bundle.force_sequential:
        return 1
    return sum(not task.depends_on for task in bundle.tasks)
