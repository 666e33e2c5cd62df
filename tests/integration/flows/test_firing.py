"""Beats beside each other, late beats, killed beats: each run is fired once or said to be skipped.

Moments are given to the beats by hand; rows are made older instead of waiting.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from selfheal.contracts import names
from selfheal.dispatch.sender import WINDOW, flush
from selfheal.errors import Fenced, InvalidInput, Transient, UnknownId
from selfheal.flows.farm import Farm
from selfheal.flows.fire import fire_due, fire_now
from selfheal.flows.job import Job, work_at
from selfheal.flows.sweep import sweep_once
from selfheal.redaction import Redactor
from selfheal.store import attempts, firings, schedules
from selfheal.store.attempts import Work
from selfheal.store.database import Database
from selfheal.store.firings import FiringRow
from selfheal.store.schedules import NewSchedule, ScheduleRow
from selfheal.timing import Interval

MINUTE = timedelta(minutes=1)


@pytest.fixture
def farm(one_process_farm) -> Farm:
    """A farm without the schedules that every farm begins with."""
    with one_process_farm.farm.database.begin() as connection:
        for row in schedules.every(connection):
            schedules.remove(connection, row.name)
    return one_process_farm.farm


@pytest.fixture
def every_minute(farm: Farm) -> Callable[..., ScheduleRow]:
    def make(name: str = "minutely", **fields: object) -> ScheduleRow:
        wanted = {"job": "retention", "timing": Interval(60), **fields}
        with farm.database.begin() as connection:
            return schedules.add(connection, NewSchedule(name=name, **wanted), by="test")

    return make


def at(moment: datetime) -> Callable[[object], datetime]:
    return lambda _: moment


def firings_of(farm: Farm, row: ScheduleRow) -> tuple[FiringRow, ...]:
    with farm.database.begin() as connection:
        return firings.of_schedule(connection, row.id)


def now(farm: Farm, row: ScheduleRow) -> ScheduleRow:
    with farm.database.begin() as connection:
        return schedules.load(connection, row.name)


def messages(farm: Farm) -> list[tuple[object, ...]]:
    with farm.database.begin() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT message_id FROM outbox"))]


def change(farm: Farm, statement: str, **values: object) -> None:
    with farm.database.begin() as connection:
        connection.execute(text(statement), values)


def work(farm: Farm, row: ScheduleRow, firing: FiringRow) -> None:
    work_at(farm, row.id, firing.message_id, body=lambda _: "worked")


def test_a_farm_begins_with_the_schedules_that_every_farm_wants(one_process_farm) -> None:
    with one_process_farm.farm.database.begin() as connection:
        rows = schedules.every(connection)

    assert [(row.name, row.job, row.misfire) for row in rows] == [
        ("prune", "prune", "once"),
        ("retention", "retention", "once"),
        ("sweep", "sweep", "once"),
    ]
    assert all(row.created_by == "selfheal" and row.paused_at is None for row in rows)


def test_a_due_run_becomes_a_message_with_its_deterministic_id(
    one_process_farm, farm: Farm, every_minute
) -> None:
    row = every_minute()

    wait = fire_due(farm, clock=at(row.next_run))

    (firing,) = firings_of(farm, row)
    (message,) = one_process_farm.turns.waiting
    assert message.message_id == firing.message_id == firings.id_of(row.id, row.next_run)
    assert (message.task_name, message.pool, message.subject_id) == (
        names.RETENTION,
        "sweeping",
        row.id,
    )
    assert (firing.run, firing.cause, firing.state) == (row.next_run, "due", "sent")
    after = now(farm, row)
    assert (after.next_run, after.last_run) == (row.next_run + MINUTE, row.next_run)
    assert after.last_message_id == firing.message_id
    assert 0 < wait <= farm.settings.beat.longest_wait_seconds


def test_nothing_is_fired_before_its_time(farm: Farm, every_minute) -> None:
    row = every_minute()

    fire_due(farm, clock=at(row.fires_at - timedelta(milliseconds=1)))

    assert firings_of(farm, row) == ()
    assert now(farm, row).next_run == row.next_run


@pytest.fixture
def eight_beats(farm: Farm, one_process_farm) -> Iterator[list[Farm]]:
    """Eight beats with connections of their own."""
    with ExitStack() as stack:
        databases = [
            stack.enter_context(closing(Database(farm.database.url, pool_size=1))) for _ in range(8)
        ]
        yield [
            Farm(farm.settings, database, one_process_farm.turns, redactor=Redactor())
            for database in databases
        ]


def test_eight_beats_fire_each_run_once(
    one_process_farm, farm: Farm, eight_beats: list[Farm], every_minute
) -> None:
    rows = [every_minute(f"s{number}") for number in range(WINDOW)]
    begin = max(row.next_run for row in rows)

    with ThreadPoolExecutor(8) as threads:
        for minute in range(4):
            moment = at(begin + minute * MINUTE)
            list(threads.map(lambda beat, clock=moment: fire_due(beat, clock=clock), eight_beats))
            change(farm, "UPDATE firings SET state = 'done', ended_at = clock_timestamp()")
            change(farm, "UPDATE outbox SET received_at = sent_at")

    for row in rows:
        fired = firings_of(farm, row)
        assert [firing.run for firing in fired] == [row.next_run + n * MINUTE for n in range(4)]
        assert {firing.cause for firing in fired} == {"due"}
    sent = [message.message_id for message in one_process_farm.turns.waiting]
    assert len(sent) == len(set(sent)) == len(messages(farm)) == 4 * WINDOW


@pytest.mark.parametrize(
    ("misfire", "state", "sent"), [("once", "sent", 1), ("skip", "skipped", 0)]
)
def test_what_was_missed_while_no_beat_ran_is_made_up_for_as_the_schedule_says(
    one_process_farm, farm: Farm, every_minute, misfire: str, state: str, sent: int
) -> None:
    row = every_minute(misfire=misfire)

    fire_due(farm, clock=at(row.next_run + 10 * MINUTE))

    (firing,) = firings_of(farm, row)
    assert (firing.run, firing.cause, firing.state) == (row.next_run, "late", state)
    assert len(one_process_farm.turns.waiting) == sent
    assert now(farm, row).next_run == row.next_run + 11 * MINUTE
    assert (firing.note == "no beat ran: 600 s late") == (misfire == "skip")


def test_a_run_within_its_window_is_not_missed(farm: Farm, every_minute) -> None:
    row = every_minute(misfire="skip", window_seconds=60)

    fire_due(farm, clock=at(row.next_run + MINUTE))

    assert [firing.state for firing in firings_of(farm, row)] == ["sent"]


def test_a_run_is_skipped_while_the_last_one_goes_on(farm: Farm, every_minute) -> None:
    row = every_minute()
    fire_due(farm, clock=at(row.next_run))
    (first,) = firings_of(farm, row)

    def meanwhile(_: Job) -> str:
        fire_due(farm, clock=at(row.next_run + MINUTE))
        return "worked"

    work_at(farm, row.id, first.message_id, body=meanwhile)
    fire_due(farm, clock=at(row.next_run + 2 * MINUTE))

    one, two, three = firings_of(farm, row)
    assert [one.state, two.state, three.state] == ["done", "skipped", "sent"]
    assert "still runs" in str(two.note)
    assert len(messages(farm)) == 2


def test_a_message_that_the_broker_lost_is_sent_again_when_the_next_run_is_due(
    one_process_farm, farm: Farm, every_minute
) -> None:
    row = every_minute("sweep", job="sweep")
    fire_due(farm, clock=at(row.next_run))
    one_process_farm.turns.waiting.clear()
    change(farm, "UPDATE outbox SET sent_at = sent_at - interval '5 s'")

    fire_due(farm, clock=at(row.next_run + MINUTE))

    first, second = firings_of(farm, row)
    assert [message.message_id for message in one_process_farm.turns.waiting] == [first.message_id]
    assert (second.state, len(messages(farm))) == ("skipped", 1)
    assert "waits for a worker" in str(second.note)


def test_a_paused_schedule_fires_nothing_and_goes_on_with_its_next_run(
    farm: Farm, every_minute
) -> None:
    row = every_minute()
    with farm.database.begin() as connection:
        schedules.pause(connection, row.name, by="somebody")

    fire_due(farm, clock=at(row.next_run + 3 * MINUTE))
    assert firings_of(farm, row) == ()

    change(farm, "UPDATE schedules SET next_run = next_run - interval '1 h'")
    with farm.database.begin() as connection:
        resumed = schedules.resume(connection, row.name, by="somebody")
        moment = schedules.now(connection)
    assert moment < resumed.next_run <= moment + MINUTE
    assert (resumed.paused_at, resumed.updated_by) == (None, "somebody")


def test_a_short_pause_leaves_out_no_run_that_is_still_to_come(farm: Farm, every_minute) -> None:
    row = every_minute()

    with farm.database.begin() as connection:
        schedules.pause(connection, row.name, by="somebody")
        resumed = schedules.resume(connection, row.name, by="somebody")

    assert resumed.next_run == row.next_run


def test_a_run_asked_for_is_fired_at_once_and_leaves_the_next_one_as_it_was(
    one_process_farm, farm: Farm, every_minute
) -> None:
    row = every_minute()

    message_id = fire_now(farm, row.name)

    (firing,) = firings_of(farm, row)
    assert (firing.message_id, firing.cause) == (message_id, "asked")
    assert [message.message_id for message in one_process_farm.turns.waiting] == [message_id]
    assert now(farm, row).next_run == row.next_run
    with pytest.raises(Transient, match="waits for a worker; try again when it has ended"):
        fire_now(farm, row.name)
    with pytest.raises(UnknownId, match="no schedule is called 'nosuch'; there are: minutely"):
        fire_now(farm, "nosuch")


BEAT_THAT_DIES = """
import os, signal, sys
from selfheal.flows.farm import Farm
from selfheal.flows.fire import fire_due
from selfheal.redaction import Redactor
from selfheal.settings import Settings
from selfheal.store import schedules
from selfheal.store.database import Database

class Killed:
    def send(self, message):
        os.kill(os.getpid(), signal.SIGKILL)

farm = Farm(Settings(), Database(sys.argv[1]), Killed(), redactor=Redactor())
with farm.database.begin() as connection:
    due = schedules.load(connection, "minutely").next_run
fire_due(farm, clock=lambda _: due)
"""


def test_what_a_beat_did_not_send_before_it_was_killed_is_sent_once(
    one_process_farm, farm: Farm, every_minute
) -> None:
    row = every_minute()

    died = subprocess.run(
        [sys.executable, "-P", "-c", BEAT_THAT_DIES, farm.database.url],
        env=os.environ,
        timeout=60,
        check=False,
    )
    change(farm, "UPDATE outbox SET claimed_until = claimed_until - interval '6 s'")
    for _ in range(2):
        fire_due(farm, clock=at(row.next_run))
        flush(farm.database, one_process_farm.turns)

    assert died.returncode == -signal.SIGKILL
    (firing,) = firings_of(farm, row)
    assert [message.message_id for message in one_process_farm.turns.waiting] == [firing.message_id]
    assert now(farm, row).next_run == row.next_run + MINUTE


def test_a_firing_whose_worker_died_is_done_by_another_and_the_dead_has_no_say(
    one_process_farm, farm: Farm, every_minute
) -> None:
    row = every_minute()
    fire_due(farm, clock=at(row.next_run))
    (firing,) = firings_of(farm, row)
    turns = one_process_farm.turns.waiting

    def dies(job: Job) -> None:
        change(farm, "UPDATE firings SET heartbeat_at = heartbeat_at - interval '7 s'")
        fire_due(farm, clock=at(row.next_run))
        assert [message.message_id for message in turns] == [firing.message_id] * 2
        work(farm, row, firing)
        with pytest.raises(Fenced), farm.database.begin() as connection:
            job.end(connection, "too late")

    work_at(farm, row.id, firing.message_id, body=dies)

    (ended,) = firings_of(farm, row)
    assert (ended.state, ended.note, ended.tries) == ("done", "worked", 2)


def test_a_firing_that_kills_every_worker_is_lost_and_its_schedule_goes_on(
    farm: Farm, every_minute
) -> None:
    row = every_minute()
    fire_due(farm, clock=at(row.next_run))
    (firing,) = firings_of(farm, row)

    for _ in range(farm.settings.beat.max_deaths):
        with farm.database.begin() as connection:
            begun = firings.begin(
                connection, firing.message_id, schedule_id=row.id, worker="w:1", dead_after=6
            )
        assert begun is not None
        change(farm, "UPDATE firings SET heartbeat_at = heartbeat_at - interval '7 s'")
        fire_due(farm, clock=at(row.next_run))
    fire_due(farm, clock=at(row.next_run + MINUTE))

    lost, following = firings_of(farm, row)
    assert (lost.state, lost.note) == ("lost", "3 workers died at it; the last one was w:1")
    assert following.state == "sent"


def test_a_worker_that_is_told_to_stop_hands_its_firing_back_at_once(
    one_process_farm, farm: Farm, every_minute
) -> None:
    row = every_minute()
    fire_due(farm, clock=at(row.next_run))
    (firing,) = firings_of(farm, row)

    def told(job: Job) -> str:
        farm.told_to_stop = True
        job.check()
        return "went on all the same"

    work_at(farm, row.id, firing.message_id, body=told)
    farm.told_to_stop = False
    sent = [message.message_id for message in one_process_farm.turns.waiting]
    work(farm, row, firing)

    (ended,) = firings_of(farm, row)
    assert sent == [firing.message_id] * 2
    assert (ended.state, ended.note, ended.tries, ended.deaths) == ("done", "worked", 2, 0)


def test_a_second_copy_of_a_message_does_nothing(farm: Farm, every_minute) -> None:
    row = every_minute()
    fire_due(farm, clock=at(row.next_run))
    (firing,) = firings_of(farm, row)

    work(farm, row, firing)
    work_at(farm, row.id, firing.message_id, body=lambda _: pytest.fail("done twice"))

    assert [one.tries for one in firings_of(farm, row)] == [1]


def test_a_job_that_fails_says_why_and_its_next_run_is_the_next_try(
    farm: Farm, every_minute
) -> None:
    row = every_minute()
    fire_due(farm, clock=at(row.next_run))
    (firing,) = firings_of(farm, row)

    def fails(_: Job) -> str:
        raise InvalidInput("no such thing")

    work_at(farm, row.id, firing.message_id, body=fails)
    fire_due(farm, clock=at(row.next_run + MINUTE))

    failed, following = firings_of(farm, row)
    assert (failed.state, failed.note, following.state) == ("failed", "no such thing", "sent")


def test_a_schedule_that_cannot_be_read_is_paused_and_the_others_go_on(
    farm: Farm, every_minute
) -> None:
    broken, whole = every_minute("broken"), every_minute("whole")
    change(
        farm,
        "UPDATE schedules SET crontab = '99 * * * *', timezone = 'UTC', interval_seconds = NULL"
        " WHERE name = 'broken'",
    )

    fire_due(farm, clock=at(whole.next_run))

    assert now(farm, broken).paused_at is not None
    assert now(farm, broken).updated_by == "beat"
    assert [firing.state for firing in firings_of(farm, whole)] == ["sent"]


def test_a_removed_schedule_leaves_a_message_that_does_nothing(
    one_process_farm, farm: Farm, every_minute, tmp_path: Path
) -> None:
    row = every_minute()
    fire_due(farm, clock=at(row.next_run))
    (firing,) = firings_of(farm, row)

    with farm.database.begin() as connection:
        schedules.remove(connection, row.name)
    work_at(farm, row.id, firing.message_id, body=lambda _: pytest.fail("it was removed"))

    assert firings_of(farm, row) == ()
    with pytest.raises(UnknownId):
        now(farm, row)


def test_the_job_sweep_recovers_a_farm_that_has_no_sweeper(
    one_process_farm, repository, farm: Farm, every_minute
) -> None:
    request_id = one_process_farm.submit(repository({"a.py": ""}))
    (planned,) = one_process_farm.turns.waiting
    work = Work(names.PLAN, planned.subject_id, request_id)
    with farm.database.begin() as connection:
        dead = attempts.begin(connection, work, worker="gone:1", message_id=None, dead_after=6)
    change(farm, "UPDATE attempts SET heartbeat_at = heartbeat_at - interval '7 s'")
    row = every_minute("sweep", job="sweep")
    message_id = fire_now(farm, row.name)

    sweep_once(farm, row.id, message_id=message_id)

    with farm.database.begin() as connection:
        successor = attempts.begin(connection, work, worker="w:2", message_id=None, dead_after=6)
    assert dead is not None
    assert successor is not None
    assert successor.token > dead.token
    assert [one.subject_id for one in one_process_farm.turns.waiting].count(work.subject_id) == 2
    (firing,) = firings_of(farm, row)
    assert (firing.state, firing.note) == ("done", "1 taken over, 1 sent")


def test_two_schedules_of_one_name_are_refused(every_minute) -> None:
    every_minute()

    with pytest.raises(InvalidInput, match="there is a schedule minutely already"):
        every_minute()
