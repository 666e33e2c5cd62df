"""Retention: rows of what has ended and grown old go away."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from uuid import UUID

from selfheal.errors import EngineUnavailable
from selfheal.flows.farm import Farm
from selfheal.flows.job import Job, work_at
from selfheal.results.cleanup import Retention, cleanup
from selfheal.results.pool import Pool
from selfheal.settings import RetentionSettings
from selfheal.store import retention as rows
from selfheal.store.database import answering

MOST_BATCHES = 40
"""Of one kind in one run: it must end within the limits of its pool. The next run goes on."""

_DAY_SECONDS = 86_400

Delete = Callable[..., int]


def retention(farm: Farm, schedule_id: UUID, *, message_id: UUID) -> None:
    """Delete what the settings say, batch by batch, each in a transaction of its own."""
    work_at(farm, schedule_id, message_id, body=_retain)


def _retain(job: Job) -> str:
    chosen = job.farm.settings.retention
    gone = {what: _in_batches(job, delete, days=days) for what, delete, days in _rules(chosen)}
    gone["rows of Celery"] = _results(job.farm, seconds=chosen.results_days * _DAY_SECONDS)
    _vectors(job.farm, days=chosen.blobs_days)
    return ", ".join(f"{count} {what}" for what, count in gone.items() if count) or "nothing is old"


def _rules(chosen: RetentionSettings) -> tuple[tuple[str, Delete, float], ...]:
    return (
        ("requests trimmed", rows.trim_requests, chosen.requests_days),
        ("events", rows.delete_events, chosen.events_days),
        ("messages", rows.delete_messages, chosen.outbox_days),
        ("firings", rows.delete_firings, chosen.firings_days),
        ("dead letters", rows.delete_letters, chosen.letters_days),
        ("baselines", rows.delete_baselines, chosen.baselines_days),
        ("facts of files", rows.delete_blobs, chosen.blobs_days),
        ("calls to models", rows.delete_calls, chosen.calls_days),
        ("prompts", rows.clear_prompts, chosen.prompts_days),
    )


def _vectors(farm: Farm, *, days: float) -> None:
    """What an engine was sent this long ago; one that is away is asked by the next run."""
    with suppress(EngineUnavailable):
        if farm.engine is not None:
            farm.engine.forget(days=days)


def _results(farm: Farm, *, seconds: float) -> int:
    """What the result backend keeps of tasks, groups and ended chords: it has batches of its own.

    Celery's own schedule for that is read by Celery's own beat only.
    """
    pool = Pool(farm.database.url, size=1)
    kept = Retention(results=seconds, failures=seconds, groups=seconds, chords=seconds)
    try:
        with answering():
            return cleanup(pool, kept)
    finally:
        pool.discard_idle()


def _in_batches(job: Job, delete: Delete, *, days: float) -> int:
    size = job.farm.settings.retention.batch
    once = partial(delete, age=days * _DAY_SECONDS, batch=size)
    gone = 0
    for _ in range(MOST_BATCHES):
        job.check()
        with job.farm.database.begin() as connection:
            count = once(connection)
        gone += count
        if count < size:
            break
    return gone
