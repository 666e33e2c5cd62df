"""`celery -A selfheal beat` as processes: two of them, and one whose database goes away."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from selfheal.beat import PostgresScheduler
from selfheal.celery import FarmApp
from selfheal.embedded.provider import Servers
from selfheal.flows.farm import Farm
from selfheal.flows.job import work_at
from selfheal.redaction import Redactor
from selfheal.settings import Settings
from selfheal.store import firings, migrate, schedules
from selfheal.store.database import Database
from selfheal.store.firings import FiringRow
from selfheal.store.outbox import Message
from selfheal.store.schedules import NewSchedule, ScheduleRow
from selfheal.timing import Interval

SECONDS = 60.0


class NoBroker:
    def send(self, message: Message) -> None:
        raise AssertionError("the beats send")

    def ready(self, pool: str) -> int:
        return 0

    def give_back(self, *, older_than: float) -> int:
        return 0


@pytest.fixture
def database(fresh_database: Callable[..., str]) -> Iterator[Database]:
    """Migrated, without the schedules that every farm begins with."""
    with closing(Database(fresh_database())) as opened:
        migrate.upgrade(opened.engine)
        with opened.begin() as connection:
            for row in schedules.every(connection):
                schedules.remove(connection, row.name)
        yield opened


def add(database: Database, *, seconds: int) -> ScheduleRow:
    new = NewSchedule(name="often", job="retention", timing=Interval(seconds))
    with database.begin() as connection:
        return schedules.add(connection, new, by="test")


def firings_of(database: Database, row: ScheduleRow) -> tuple[FiringRow, ...]:
    with database.begin() as connection:
        return firings.of_schedule(connection, row.id)


@dataclass
class Beats:
    """Beats as processes, with what each exited with once they are told to end."""

    logs: tuple[Path, ...]
    statuses: list[int] = field(default_factory=list)

    def are_up(self) -> bool:
        """Whether each of them has begun to fire."""
        return all("beat: Starting" in log.read_text() for log in self.logs)


@contextmanager
def beats(folder: Path, count: int, *, database_url: str, broker_url: str) -> Iterator[Beats]:
    """So many beats, until the context ends."""
    settings = {
        "SELFHEAL_FARM__RUN_FOLDER": str(folder / "run"),
        "SELFHEAL_FARM__BROKER_URL": broker_url,
        "SELFHEAL_FARM__DATABASE_URL": database_url,
    }
    command = [Path(sys.executable).parent / "celery", "-A", "selfheal", "beat", "-l", "INFO"]
    made = Beats(tuple(folder / f"beat{number}.log" for number in range(count)))
    running = []
    for log in made.logs:
        with log.open("w") as said:
            beat = subprocess.Popen(
                command, cwd=folder, env=os.environ | settings, stdout=said, stderr=said
            )
        running.append(beat)
    try:
        yield made
    finally:
        for beat in running:
            beat.terminate()
        made.statuses += [beat.wait(timeout=30) for beat in running]


def test_two_beats_fire_each_second_once(
    database: Database, broker_url: str, tmp_path: Path
) -> None:
    row = add(database, seconds=1)
    farm = Farm(Settings(), database, NoBroker(), redactor=Redactor())

    deadline = time.monotonic() + SECONDS
    with beats(tmp_path, 2, database_url=database.url, broker_url=broker_url) as two:
        while (
            len(done := [one for one in firings_of(database, row) if one.ended_at]) < 3
            or not two.are_up()
        ):
            assert time.monotonic() < deadline, "three firings were not done in time"
            for firing in firings_of(database, row):
                if not firing.ended_at:
                    work_at(farm, row.id, firing.message_id, body=lambda _: "worked")
            time.sleep(0.1)

    said = [log.read_text() for log in two.logs]
    assert two.statuses == [0, 0], said
    assert not any("Traceback" in one for one in said), said
    assert "selfheal.beat.PostgresScheduler" in said[0]
    runs = [one.run for one in done]
    assert {(run - row.next_run) % timedelta(seconds=1) for run in runs} == {timedelta(0)}
    assert len(set(runs)) == len(runs)
    with database.begin() as connection:
        sent = connection.execute(text("SELECT message_id, sends FROM outbox")).all()
    fired = {one.message_id for one in firings_of(database, row) if one.state != "skipped"}
    assert (
        {one.message_id for one in sent}
        == fired
        == {
            firings.id_of(row.id, one.run)
            for one in firings_of(database, row)
            if one.state != "skipped"
        }
    )
    assert len(sent) == len(fired)
    assert not list(tmp_path.glob("celerybeat*")), "a beat keeps no file"


@contextmanager
def away(servers: Servers, database: Database) -> Iterator[None]:
    """The database takes no connection, and those it had are cut."""
    name = database.engine.url.database
    with psycopg.connect(
        servers.database_url.replace("+psycopg", "", 1), autocommit=True
    ) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def make_due(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("UPDATE schedules SET next_run = now(), fires_at = now()"))


def test_a_beat_outlives_its_database_and_makes_up_for_what_was_due(
    servers: Servers, database: Database, broker_url: str
) -> None:
    beat_app = FarmApp()
    beat_app.settings = Settings()
    beat_app.servers = Servers(database_url=database.url, broker_url=broker_url)
    scheduler = PostgresScheduler(beat_app)
    row = add(database, seconds=3600)
    make_due(database)
    scheduler.tick()
    before = firings_of(database, row)

    with away(servers, database):
        waits = [scheduler.tick() for _ in range(3)]
    with database.begin() as connection:
        connection.execute(text("UPDATE firings SET state = 'done', ended_at = fired_at"))
    make_due(database)
    scheduler.tick()
    scheduler.close()

    assert all(0 < wait <= beat_app.settings.beat.longest_wait_seconds for wait in waits)
    assert len(before) == 1
    assert [one.state for one in firings_of(database, row)] == ["done", "sent"]
    beat_app.close()


def test_the_one_that_celery_makes_for_its_banner_opens_nothing(broker_url: str) -> None:
    beat_app = FarmApp()
    beat_app.settings = Settings()
    beat_app.servers = Servers(
        database_url="postgresql+psycopg://localhost:1/none", broker_url=broker_url
    )

    lazy = PostgresScheduler(beat_app, lazy=True)
    lazy.close()

    assert lazy.info == ""
    assert "farm" not in vars(beat_app)
