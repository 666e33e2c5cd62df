"""One firing of a schedule, from its begin to whatever end it takes."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import structlog
from sqlalchemy import Connection

from selfheal.dispatch.pulse import Pulse
from selfheal.errors import Fenced, SelfhealError, Stopped, StoreUnavailable
from selfheal.flows.farm import Farm
from selfheal.store import firings, outbox, schedules
from selfheal.store.firings import FiringRow, Outcome
from selfheal.store.schedules import ScheduleRow


class Job:
    """A firing in the hands of the flow that works at it."""

    def __init__(
        self, farm: Farm, schedule: ScheduleRow, firing: FiringRow, *, pulse: Pulse
    ) -> None:
        self.farm = farm
        self.schedule = schedule
        self.firing = firing
        self.stopping = pulse.stopping
        self.check = pulse.check

    def end(self, connection: Connection, note: str) -> None:
        """Its end, in the transaction in which its outcome becomes true.

        Raises Fenced, which must undo that transaction, when the firing is another worker's now.
        """
        firings.finish(connection, self.firing, "done", note=note)


def work_at(
    farm: Farm, schedule_id: UUID, message_id: UUID, *, body: Callable[[Job], str | None]
) -> None:
    """Begin the firing, run `body`, and see to it that every end has its row.

    `body` gives what came of it, or None where it has ended the firing itself. An error is the
    firing's outcome: the schedule's next run is the next try. What a worker was told to stop, or
    died at, another one does.
    """
    log = structlog.get_logger().bind(schedule=str(schedule_id))
    with farm.database.begin() as connection:
        room = outbox.mark_received(connection, message_id)
        firing = firings.begin(
            connection,
            message_id,
            schedule_id=schedule_id,
            worker=farm.worker,
            dead_after=farm.settings.attempts.dead_after_seconds,
        )
        schedule = schedules.of_id(connection, schedule_id)
    if firing is None or schedule is None:
        log.info("Nothing to begin: done, removed, or in other hands.", action="job.skip")
        return
    log = log.bind(name=schedule.name, tries=firing.tries)
    with _pulse_of(farm, firing) as pulse:
        try:
            if room:
                farm.flush()
            note = body(Job(farm, schedule, firing, pulse=pulse))
            if note is not None:
                _finish(farm, firing, "done", note)
        except (Stopped, Fenced) as error:
            log.info(str(error), action="job.stopped")
            _hand_back(farm, firing)
        except StoreUnavailable as error:
            log.warning(str(error), action="job.store_away")
            raise
        except Exception as error:
            reason = farm.redactor.redact(str(error) or type(error).__name__)
            log.warning(reason, action="job.failed", exc_info=not isinstance(error, SelfhealError))
            _finish(farm, firing, "failed", reason)
    farm.flush()


def _pulse_of(farm: Farm, firing: FiringRow) -> Pulse:
    beat = farm.settings.attempts
    return Pulse(
        farm.database,
        lambda connection: firings.beat(connection, firing),
        name=f"firing {firing.message_id}",
        every=beat.heartbeat_seconds,
        dead_after=beat.dead_after_seconds,
        told_to_stop=lambda: farm.told_to_stop,
    )


def _hand_back(farm: Farm, firing: FiringRow) -> None:
    with farm.database.begin() as connection:
        if firings.hand_back(connection, firing):
            outbox.reopen(connection, [firing.message_id])


def _finish(farm: Farm, firing: FiringRow, outcome: Outcome, note: str) -> None:
    try:
        with farm.database.begin() as connection:
            firings.finish(connection, firing, outcome, note=note)
    except Fenced as error:
        structlog.get_logger().info(str(error), action="job.stopped")
