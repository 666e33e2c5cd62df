"""Refresh: a watched repository's mirror and baseline are there before somebody waits for them."""

from __future__ import annotations

from uuid import UUID

from selfheal.flows.farm import Farm
from selfheal.flows.health import baseline_at_head, repository_of
from selfheal.flows.job import Job, work_at


def refresh(farm: Farm, schedule_id: UUID, *, message_id: UUID) -> None:
    """Fetch this host's mirror and put the head's baseline on the farm's shelf. Asks for nothing.

    A repository's firing is begun by one host: the baseline is for all, the mirror for that one.
    """
    work_at(farm, schedule_id, message_id, body=_refresh)


def _refresh(job: Job) -> str:
    baseline = baseline_at_head(job, repository_of(job))
    return f"{len(baseline.outcomes)} outcomes at {baseline.sha[:10]}"
