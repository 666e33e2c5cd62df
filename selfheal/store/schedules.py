"""Schedules: what is to be done when, and which run of it comes next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args
from uuid import UUID, uuid5

from sqlalchemy import Connection, RowMapping, text

from selfheal.contracts.names import OF_REPOSITORY, Job
from selfheal.errors import InvalidInput, UnknownId
from selfheal.timing import Crontab, Interval, Timing

Misfire = Literal["once", "skip"]
MISFIRES: tuple[Misfire, ...] = get_args(Misfire)

LONGEST_JITTER = 3600
LONGEST_WINDOW = 86_400

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """A schedule as somebody wants it; raises InvalidInput naming what is wrong.

    A run is fired up to `jitter_seconds` late, always by the same amount. Runs that are late by
    more than `window_seconds` were missed: `once` makes up for them by one firing, `skip` by none.
    """

    name: str
    job: Job
    timing: Timing
    repository_id: UUID | None = None
    goal: str | None = None
    jitter_seconds: int = 0
    misfire: Misfire = "once"
    window_seconds: int = 60

    def __post_init__(self) -> None:
        check_name(self.name)
        if (self.repository_id is not None) != (self.job in OF_REPOSITORY):
            raise InvalidInput(
                f"job {self.job}: "
                + (
                    "expected the registered repository it is done to"
                    if self.job in OF_REPOSITORY
                    else "is the farm's own and is done to no repository"
                )
            )
        if self.goal is not None and self.job != "evolve":
            raise InvalidInput(f"goal: job {self.job} has none, only evolve does")
        most = min(LONGEST_JITTER, self.timing.shortest_gap - 1)
        if not 0 <= self.jitter_seconds <= most:
            raise InvalidInput(
                f"jitter: expected 0 to {most} s, less than lies between two runs "
                f"({self.timing}), found {self.jitter_seconds} s"
            )
        if not 1 <= self.window_seconds <= LONGEST_WINDOW:
            raise InvalidInput(
                f"window: expected 1 to {LONGEST_WINDOW} s, found {self.window_seconds} s"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """One schedule as it stands now. `next_run` names the firing that comes at `fires_at`."""

    id: UUID
    name: str
    job: Job
    repository_id: UUID | None
    goal: str | None
    crontab: str | None
    timezone: str | None
    interval_seconds: int | None
    jitter_seconds: int
    misfire: Misfire
    window_seconds: int
    paused_at: datetime | None
    next_run: datetime
    fires_at: datetime
    last_run: datetime | None
    last_message_id: UUID | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str

    @property
    def timing(self) -> Timing:
        """When it is due; raises InvalidInput for what cannot be read here, as an unknown zone."""
        if self.interval_seconds is not None:
            return Interval(self.interval_seconds)
        return Crontab(self.crontab or "", self.timezone or "")

    @property
    def when(self) -> str:
        """The same for people."""
        if self.interval_seconds is not None:
            return f"every {self.interval_seconds} s"
        return f"{self.crontab} {self.timezone}"


def check_name(name: str) -> None:
    """Raise InvalidInput unless this can be typed as a name."""
    if not _NAME.match(name):
        raise InvalidInput(
            f"name: expected up to 128 letters, digits and . _ : / -, beginning with a letter or "
            f"digit, found {name!r}"
        )


def now(connection: Connection) -> datetime:
    """The database's clock: the only one that decides what is due."""
    moment: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return moment


def add(connection: Connection, new: NewSchedule, *, by: str) -> ScheduleRow:
    """Store a schedule; raises InvalidInput when its name is taken.

    Race closed: two of one name at the same time. The unique constraint lets one of them in.
    """
    moment = now(connection)
    timing = new.timing
    values = {
        "name": new.name,
        "job": new.job,
        "repository": new.repository_id,
        "goal": new.goal,
        "crontab": timing.text if isinstance(timing, Crontab) else None,
        "timezone": timing.timezone if isinstance(timing, Crontab) else None,
        "interval": timing.seconds if isinstance(timing, Interval) else None,
        "jitter": new.jitter_seconds,
        "misfire": new.misfire,
        "window": new.window_seconds,
        "next_run": timing.following(moment, now=moment),
        "by": by,
    }
    added = connection.execute(_INSERT, values).scalar_one_or_none()
    if added is None:
        raise InvalidInput(
            f"there is a schedule {new.name} already: `selfheal schedule rm {new.name}` first, "
            "or take another name"
        )
    row = load(connection, new.name)
    advance(connection, row, row.next_run)
    return load(connection, new.name)


def load(connection: Connection, name: str) -> ScheduleRow:
    """The schedule of this name; raises UnknownId, which names those there are."""
    found = connection.execute(
        text("SELECT * FROM schedules WHERE name = :name"), {"name": name}
    ).one_or_none()
    if found is not None:
        return _row(found._mapping)
    known = ", ".join(row.name for row in every(connection)) or "none yet"
    raise UnknownId(f"no schedule is called {name!r}; there are: {known}")


def of_id(connection: Connection, schedule_id: UUID) -> ScheduleRow | None:
    """The schedule, unless it has been removed."""
    found = connection.execute(
        text("SELECT * FROM schedules WHERE id = :id"), {"id": schedule_id}
    ).one_or_none()
    return None if found is None else _row(found._mapping)


def every(connection: Connection) -> tuple[ScheduleRow, ...]:
    """All schedules by name."""
    rows = connection.execute(text("SELECT * FROM schedules ORDER BY name"))
    return tuple(_row(row._mapping) for row in rows)


def of_repository(connection: Connection, repository_id: UUID) -> tuple[ScheduleRow, ...]:
    """The schedules of one repository by name."""
    rows = connection.execute(
        text("SELECT * FROM schedules WHERE repository_id = :id ORDER BY name"),
        {"id": repository_id},
    )
    return tuple(_row(row._mapping) for row in rows)


def lock_due(connection: Connection, moment: datetime, *, limit: int) -> tuple[ScheduleRow, ...]:
    """Hold the schedules that are due, longest due first, until the transaction ends.

    Race closed: two beats at one schedule. SKIP LOCKED gives each row to one of them; the others
    see it again only with its next run, for that is written in the same transaction.
    """
    rows = connection.execute(
        text(
            "SELECT * FROM schedules WHERE paused_at IS NULL AND fires_at <= :moment"
            " ORDER BY fires_at, id LIMIT :limit FOR UPDATE SKIP LOCKED"
        ),
        {"moment": moment, "limit": limit},
    )
    return tuple(_row(row._mapping) for row in rows)


def lock(connection: Connection, name: str) -> ScheduleRow:
    """Hold one schedule until the transaction ends; raises UnknownId."""
    connection.execute(
        text("SELECT 1 FROM schedules WHERE name = :name FOR UPDATE"), {"name": name}
    )
    return load(connection, name)


def advance(connection: Connection, row: ScheduleRow, next_run: datetime) -> None:
    """Its next firing is that of `next_run`, as late as the jitter says."""
    late = jitter_of(row.id, next_run, most=row.jitter_seconds)
    connection.execute(
        text("UPDATE schedules SET next_run = :next_run, fires_at = :fires_at WHERE id = :id"),
        {"id": row.id, "next_run": next_run, "fires_at": next_run + late},
    )


def note_fired(
    connection: Connection, schedule_id: UUID, *, run: datetime, message_id: UUID
) -> None:
    """This run was the last one fired."""
    connection.execute(
        text("UPDATE schedules SET last_run = :run, last_message_id = :message WHERE id = :id"),
        {"id": schedule_id, "run": run, "message": message_id},
    )


def soonest(connection: Connection) -> datetime | None:
    """When the next schedule is due; None when all are paused."""
    moment: datetime | None = connection.execute(
        text("SELECT min(fires_at) FROM schedules WHERE paused_at IS NULL")
    ).scalar_one()
    return moment


def pause(connection: Connection, name: str, *, by: str) -> ScheduleRow:
    """No run is fired until it is resumed; what runs goes on. Raises UnknownId."""
    row = lock(connection, name)
    connection.execute(
        text(
            "UPDATE schedules SET paused_at = coalesce(paused_at, clock_timestamp()),"
            " updated_at = clock_timestamp(), updated_by = :by WHERE id = :id"
        ),
        {"id": row.id, "by": by},
    )
    return load(connection, name)


def resume(connection: Connection, name: str, *, by: str) -> ScheduleRow:
    """It runs again, with the runs that are still to come: a pause is no misfire.

    Raises UnknownId.
    """
    row = lock(connection, name)
    if row.paused_at is None:
        return row
    connection.execute(
        text(
            "UPDATE schedules SET paused_at = NULL, updated_at = clock_timestamp(),"
            " updated_by = :by WHERE id = :id"
        ),
        {"id": row.id, "by": by},
    )
    moment = now(connection)
    if row.next_run <= moment:
        advance(connection, row, row.timing.following(row.next_run, now=moment))
    return load(connection, name)


def remove(connection: Connection, name: str) -> ScheduleRow:
    """Delete the schedule and its firings; a message of it that waits does nothing any more.

    A job that runs goes on to its end without effect on rows. Raises UnknownId.
    """
    row = lock(connection, name)
    for statement in _DELETES:
        connection.execute(statement, {"id": row.id})
    return row


def jitter_of(schedule_id: UUID, run: datetime, *, most: int) -> timedelta:
    """How late this run is fired: up to `most` seconds, the same whoever computes it."""
    drawn = uuid5(schedule_id, f"jitter of {run.timestamp():.6f}").int
    return timedelta(milliseconds=drawn % (most * 1000 + 1))


_INSERT = text(
    "INSERT INTO schedules (name, job, repository_id, goal, crontab, timezone, interval_seconds,"
    " jitter_seconds, misfire, window_seconds, next_run, fires_at, created_by, updated_by)"
    " VALUES (:name, :job, :repository, :goal, :crontab, :timezone, :interval, :jitter, :misfire,"
    " :window, :next_run, :next_run, :by, :by) ON CONFLICT (name) DO NOTHING RETURNING id"
)

_DELETES = (
    text(
        "UPDATE outbox SET received_at = clock_timestamp() WHERE received_at IS NULL"
        " AND message_id IN (SELECT message_id FROM firings WHERE schedule_id = :id)"
    ),
    text("DELETE FROM firings WHERE schedule_id = :id"),
    text("DELETE FROM schedules WHERE id = :id"),
)


def _row(row: RowMapping) -> ScheduleRow:
    values: dict[str, Any] = dict(row)
    return ScheduleRow(**values)
