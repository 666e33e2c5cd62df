"""Refresh: mirror, baseline and index of a repository are there before somebody waits for them."""

from __future__ import annotations

from uuid import UUID

from selfheal.flows.connect import repository_url
from selfheal.flows.farm import Farm
from selfheal.flows.health import baseline_at_head, repository_of
from selfheal.flows.job import Job, work_at
from selfheal.index.snapshot import Snapshot


def refresh(farm: Farm, schedule_id: UUID, *, message_id: UUID) -> None:
    """Fetch this host's mirror, measure the head's baseline, index its files. Asks for nothing.

    A repository's firing is begun by one host: the mirror is for that one, the rest for all.
    """
    work_at(farm, schedule_id, message_id, body=_refresh)


def _refresh(job: Job) -> str:
    repository, index = repository_of(job), job.farm.index
    baseline = baseline_at_head(job, repository)
    job.check()
    index.fill(Snapshot.at(job.farm.mirror(repository_url(repository.url)), baseline.sha))
    read = f"{index.tally.misses} facts of files were new"
    return f"{len(baseline.outcomes)} outcomes at {baseline.sha[:10]}; {read}"
