"""Evolution: one iteration, planned at a branch's head and asked for as a ChangeRequest."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid5

from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.evolution import (
    CommitMetric,
    CommitPlanningContext,
    PlanningAgentRequest,
    PlanningPlan,
)
from selfheal.errors import GitFailed, InvalidInput, TestsUnusable
from selfheal.flows.connect import repository_url
from selfheal.flows.farm import Farm
from selfheal.flows.health import baseline_at_head, repository_of
from selfheal.flows.history import context_of, metrics_of
from selfheal.flows.job import Job, work_at
from selfheal.flows.submit import admit
from selfheal.llm.model import Model
from selfheal.planning.backends.backend import Check
from selfheal.planning.backends.choose import backend_of
from selfheal.planning.evolution import PlanningAgent
from selfheal.settings import EvolutionSettings
from selfheal.store import commit_metrics
from selfheal.store.repositories import RepositoryRow
from selfheal.workspace.mirror import Mirror

MOST_DESCRIBED = 50_000


def evolve(farm: Farm, schedule_id: UUID, *, message_id: UUID) -> None:
    """Plan from the head and the best commits so far, and submit what was planned.

    The plan becomes a request in the transaction that ends the firing, under an id that follows
    from it: an iteration is asked for once, whatever dies.
    """
    work_at(farm, schedule_id, message_id, body=_evolve)


def goal_of(goal: str | None, chosen: EvolutionSettings) -> str:
    """EV-6: the job's own goal, else the one for all; raises InvalidInput where there is none."""
    if found := (goal or chosen.global_goal).strip():
        return found
    raise InvalidInput(
        "goal: there is none: say with --goal what the code is to become, or set "
        "WORKER_EVOLUTION_GLOBAL_GOAL"
    )


def request_context(plan: PlanningPlan, *, base_sha: str) -> dict[str, object]:
    """What a ChangeRequest's context holds for this plan at this commit."""
    return {"evolution": plan.model_dump(mode="json"), "base_sha": base_sha}


def model_of(farm: Farm, *, check: Check = lambda: None) -> Model | None:
    """The farm's model, asked on nobody's account: the request that pays is made of its answer."""
    return farm.models.on_behalf_of(None, check=check) if farm.models else None


def _evolve(job: Job) -> None:
    farm, repository = job.farm, repository_of(job)
    chosen = farm.settings.evolution
    goal = goal_of(job.schedule.goal, chosen)
    model = model_of(farm, check=job.check)
    backend = backend_of(chosen.backend, chosen, model=model, redact=farm.redactor.redact)
    metrics = _measured(job, repository)
    mirror = farm.mirror(repository_url(repository.url))
    sha = mirror.resolve(repository.branch)
    inspirations = _inspirations(farm, mirror, repository, without=sha)
    asked = PlanningAgentRequest(
        base=context_of(mirror, sha, metrics),
        inspirations=inspirations,
        goal=goal,
        cold_start=not inspirations,
    )
    agent = PlanningAgent(backend, chosen, check=job.check)
    with farm.worktree(mirror, sha, f"evolve-{job.firing.message_id}") as tree:
        planned = agent.plan(asked, working_dir=Path(tree.folder))
    job.check()
    _ask(job, repository, goal, sha=sha, plan=planned.plan, metrics=metrics)


def _measured(job: Job, repository: RepositoryRow) -> tuple[CommitMetric, ...]:
    """The head's figures; none where its tests say nothing, for not all goals need tests."""
    try:
        return metrics_of(baseline_at_head(job, repository).evidence)
    except TestsUnusable:
        job.farm.mirror(repository_url(repository.url)).fetch()
        return ()


def _inspirations(
    farm: Farm, mirror: Mirror, repository: RepositoryRow, *, without: str
) -> tuple[CommitPlanningContext, ...]:
    """The best commits, as far as they still are in the repository."""
    chosen = farm.settings.evolution
    with farm.database.begin() as connection:
        shas = commit_metrics.best(
            connection,
            repository.url,
            chosen.best_by,
            limit=chosen.inspirations,
            without=without,
        )
        known = {sha: commit_metrics.of_commit(connection, repository.url, sha) for sha in shas}
    found = []
    for sha, metrics in known.items():
        try:
            found.append(context_of(mirror, sha, metrics))
        except GitFailed:  # its branch was deleted meanwhile
            continue
    return tuple(found)


def _ask(
    job: Job,
    repository: RepositoryRow,
    goal: str,
    *,
    sha: str,
    plan: PlanningPlan,
    metrics: tuple[CommitMetric, ...],
) -> None:
    command = repository.test_command
    request = ChangeRequest(
        id=uuid5(job.firing.message_id, "evolve"),
        repo=repository.url,
        branch=repository.branch,
        description=f"{goal}\n\n{plan.summary}"[:MOST_DESCRIBED],
        context={
            **request_context(plan, base_sha=sha),
            **({"test_command": command} if command else {}),
        },
        source="schedule",
    )
    with job.farm.database.begin() as connection:
        commit_metrics.note(connection, repository.url, sha, metrics)
        accepted = admit(connection, request, job.farm.settings.admission)
        job.end(connection, f"{len(plan.steps)} steps planned at {sha[:10]}: {accepted.id}")
