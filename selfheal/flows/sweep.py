"""The sweeper's process: one round each second, until told to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from uuid import UUID

import structlog
from sqlalchemy import Connection

from selfheal.contracts import names
from selfheal.contracts.commit_result import CommitResult
from selfheal.dispatch import settle
from selfheal.dispatch.sweeper import Sweeper
from selfheal.errors import StoreUnavailable
from selfheal.flows import report, subtask
from selfheal.flows.farm import Farm
from selfheal.flows.job import Job, work_at
from selfheal.store import attempts
from selfheal.store.attempts import Attempt


def sweep(farm: Farm, *, wait: Callable[[float], bool]) -> None:
    """Sweep until `wait(seconds)` answers true, which it does when the process is to stop."""
    log = structlog.get_logger()
    sweeper = _sweeper(farm)
    log.info("The sweeper looks after the farm.", action="sweep.start")
    while True:
        try:
            swept = sweeper.sweep()
            if swept.anything:
                log.info(f"Swept: {swept}", action="sweep.round")
        except StoreUnavailable as error:
            log.warning(str(error), action="sweep.store_away")
        if wait(farm.settings.sweep.interval_seconds):
            return


def sweep_once(farm: Farm, schedule_id: UUID, *, message_id: UUID) -> None:
    """One round, as a job: so a farm with a beat recovers where no sweeper's process runs."""

    def body(_: Job) -> str:
        done = asdict(_sweeper(farm).sweep())
        said = [f"{count} {what.replace('_', ' ')}" for what, count in done.items() if count]
        return ", ".join(said) or "nothing to do"

    work_at(farm, schedule_id, message_id, body=body)


def _sweeper(farm: Farm) -> Sweeper:
    return Sweeper(farm.database, farm.sender, farm.settings, give_up=give_up)


def give_up(connection: Connection, attempt: Attempt) -> None:
    """Too many workers died at this work: its end, with that as the reason."""
    deaths = attempts.count(connection, attempt.work, "lost")
    reason = f"{deaths} workers died at {attempt.work.name}; the last one was {attempt.worker}"
    next_step = "look for memory limits or crashes in the workers' logs, then submit again"
    if attempt.work.name == names.CODE:
        lost = CommitResult(
            task_id=attempt.work.subject_id,
            status="HARD_FAIL",  # it would kill as many workers again
            reason=reason,
            attempts=attempt.number,
            next_step=next_step,
        )
        settle.give_up(connection, attempt, lost)
        return
    attempts.conclude(connection, attempt, note=reason)
    if attempt.work.name == names.SUBTASK:
        subtask.give_up(connection, attempt, reason, next_step=next_step)
        return
    report.end(
        connection,
        attempt.work.request_id,
        state="FAILED",
        cause="try_later",
        reason=reason,
        who="sweeper",
        next_step=next_step,
    )
