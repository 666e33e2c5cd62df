"""The health of a registered repository: what its suite says at the head of its branch."""

from __future__ import annotations

from selfheal.checks.baseline import Baseline, measure_baseline, shelved_baseline
from selfheal.checks.target import detect_target
from selfheal.flows.connect import repository_url
from selfheal.flows.job import Job
from selfheal.store import repositories
from selfheal.store.baselines import BaselineRows
from selfheal.store.repositories import RepositoryRow


def repository_of(job: Job) -> RepositoryRow:
    """The repository that the job is done to; raises UnknownId when it is watched no more."""
    repository_id = job.schedule.repository_id
    assert repository_id is not None, "a constraint of the table sees to that"
    with job.farm.database.begin() as connection:
        return repositories.of_id(connection, repository_id)


def baseline_at_head(job: Job, repository: RepositoryRow) -> Baseline:
    """The suite at the branch's head, from the farm's shelf or measured now in the sandbox.

    It is the baseline that a plan at this head would ask for, under the same key. Raises
    TestsUnusable when the tests say nothing, GitFailed when the repository does not answer.
    """
    farm = job.farm
    mirror = farm.mirror(repository_url(repository.url))
    mirror.fetch()
    sha = mirror.resolve(repository.branch)
    with farm.worktree(mirror, sha, f"{job.schedule.job}-{job.firing.message_id}") as tree:
        target = detect_target(
            tree.folder,
            python=farm.settings.target.python,
            test_command=repository.test_command,
        )

        def measure() -> Baseline:
            return measure_baseline(
                target,
                tree.folder,
                farm.sandbox,
                sha=sha,
                timeout_seconds=farm.settings.target.suite_seconds,
                stop=job.stopping,
                limits=farm.limits,
            )

        shelf = BaselineRows(farm.database)
        return shelved_baseline(shelf, measure, repo=repository.url, sha=sha, target=target)
