"""A farm to be hurt: real servers, a worker and a sweeper as processes, and blows at known moments.

A blow falls when an attempt has committed a stage and before it does anything that follows. So that
no stage is over too soon to be seen, the database has a gate: a trigger that lets an attempt at a
closed boundary wait before its row changes again. Nothing of selfheal is patched or knows of it.

Waiting is polling with a deadline. When that passes, the error tells the request's whole story.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import namedtuple_row

from selfheal.cli.farm import Own, own_farm
from selfheal.cli.processes import Processes, sweeper, worker
from selfheal.client import Client
from selfheal.contracts import names
from selfheal.contracts.change_request import SUITE_PASSES, ChangeRequest
from selfheal.contracts.names import POOLS, Pool
from selfheal.contracts.run_report import State
from selfheal.embedded.binaries import find_valkey
from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.valkey import Valkey
from selfheal.flows import submit
from selfheal.flows.farm import Farm
from selfheal.settings import Settings
from selfheal.store import requests
from selfheal.store.requests import RequestRow

PATIENCE_SECONDS = 120.0
"""For whatever is awaited: far more than it takes, for the machine may be busy."""

WORKER, SWEEPER = "worker", "sweeper"

_POLL_SECONDS = 0.01
_LOOK_SECONDS = 0.5  # as often as `selfheal up` looks for what has died
_GATE = 4711


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where a piece of work stands: it has committed this stage and done nothing since."""

    work: str
    stage: str

    def __str__(self) -> str:
        return f"{self.work.removeprefix('selfheal.')}-{self.stage}"


BOUNDARIES = (
    Boundary(names.PLAN, "begun"),
    Boundary(names.CODE_PLAN, "begun"),
    *(
        Boundary(names.CODE, stage)
        for stage in ("begun", "drafted", "applied", "checked", "committed")
    ),
    *(Boundary(names.LAND, stage) for stage in ("begun", "built")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """An attempt at a boundary, and the worker's child that works at it."""

    work: str
    subject_id: UUID
    number: int
    token: int
    pid: int


Blow = Callable[[Victim], None]


class Arena:
    """The farm, what can be done to it, and what can be seen of it."""

    def __init__(self, own: Own, settings: Settings, brokers: ExitStack) -> None:
        self.own = own
        self.settings = settings
        self.restarting = True
        self._brokers = brokers
        self._looked = 0.0
        self._struck: list[int] = []
        self._watch = self._connect()
        self._watch.execute(_GATES)

    def close(self) -> None:
        """End the harness's own connection."""
        self._watch.close()

    @property
    def farm(self) -> Farm:
        """The farm as this process sees it."""
        return self.own.farm

    @property
    def processes(self) -> Processes:
        """Its worker and its sweeper."""
        return self.own.processes

    def submit(self, origin: Path, **fields: object) -> UUID:
        """A ChangeRequest to make the suite of `origin` pass, accepted."""
        return submit.submit(self.farm, _request(origin, **fields), door="terminal").id

    @contextmanager
    def stuck_submission(self, origin: Path) -> Iterator[UUID]:
        """A ChangeRequest that a client has sent, and whose row cannot be written yet."""
        request = _request(origin)
        waiting = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND query LIKE 'INSERT INTO change_requests%%'"
        )
        # A connection of its own: inside a transaction pg_stat_activity stays as it was first seen.
        with self._connect() as holder, holder.transaction():
            holder.execute("LOCK TABLE change_requests IN SHARE ROW EXCLUSIVE MODE")
            Client(broker_url=self.own.servers.broker_url).submit(request)
            self.await_that(lambda: self.rows(waiting), what="a row that cannot be written")
            yield request.id

    def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """What the database answers, as named tuples."""
        return self._watch.execute(sql, values).fetchall()

    def await_that(self, condition: Callable[[], object], *, what: str) -> None:
        """Keep the farm's processes alive until the condition holds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {PATIENCE_SECONDS:.0f} s\n{self.story()}")
            self.keep_alive()
            time.sleep(_POLL_SECONDS)

    def keep_alive(self) -> None:
        """Restart what has died, as `selfheal up` does and as often; unless the test says no."""
        if self.restarting and time.monotonic() - self._looked > _LOOK_SECONDS:
            self._looked = time.monotonic()
            self.processes.keep_alive()

    def await_acceptance(self, request_id: UUID) -> None:
        """Until the request has its row."""
        sql = "SELECT 1 FROM change_requests WHERE id = %s"
        self.await_that(lambda: self.rows(sql, request_id), what=f"acceptance of {request_id}")

    def end_of(self, request_id: UUID) -> RequestRow:
        """The request once it has ended."""
        self.await_that(lambda: self._row(request_id).ended, what=f"the end of {request_id}")
        return self._row(request_id)

    def await_state(self, request_id: UUID, state: State) -> None:
        """Until the request has come to `state`."""
        sql = "SELECT 1 FROM events WHERE request_id = %s AND new_state = %s"
        self.await_that(lambda: self.rows(sql, request_id, state), what=f"state {state}")

    def strike(
        self, request_id: UUID, boundary: Boundary, *blows: Blow, passing: int = 0
    ) -> Victim:
        """Let the blows fall on the first attempt of the request that reaches the boundary.

        One that was struck before, and is not buried yet, is passed over, as are the first
        `passing` others: they go on.
        """
        for _ in range(passing):
            self.strike(request_id, boundary)
        with self._closed(boundary):
            self.await_that(
                lambda: self._at(request_id, boundary) or self._row(request_id).ended,
                what=f"an attempt at {boundary}",
            )
            victims = self._at(request_id, boundary)
            assert victims, f"the request ended before {boundary}\n{self.story()}"
            for blow in blows:
                blow(victims[0])
        self._struck.append(victims[0].token)
        return victims[0]

    @contextmanager
    def asleep(self, request_id: UUID, boundary: Boundary) -> Iterator[Victim]:
        """The child that comes to the boundary sleeps for as long as the context lasts."""
        victim = self.strike(request_id, boundary, lambda one: os.kill(one.pid, signal.SIGSTOP))
        try:
            yield victim
        finally:
            os.kill(victim.pid, signal.SIGCONT)

    def kill_child(self, victim: Victim) -> None:
        """SIGKILL to the child that works, alone."""
        os.kill(victim.pid, signal.SIGKILL)

    def kill_children(self) -> None:
        """SIGKILL to all children of the worker, whatever they do."""
        main = self.processes.pids[WORKER]
        for child in Path(f"/proc/{main}/task/{main}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)

    def kill_worker(self, _: Victim | None = None) -> None:
        """SIGKILL to the worker's main process and all its children at once."""
        os.killpg(self.processes.pids[WORKER], signal.SIGKILL)

    def kill_main(self, _: Victim | None = None) -> None:
        """SIGKILL to the worker's main process alone: its children are orphans."""
        os.kill(self.processes.pids[WORKER], signal.SIGKILL)

    def kill_sweeper(self, _: Victim | None = None) -> None:
        """SIGKILL to the sweeper."""
        os.killpg(self.processes.pids[SWEEPER], signal.SIGKILL)

    def await_queued(self, pool: Pool) -> None:
        """Until a message waits in the broker because every child is busy."""
        self.await_that(lambda: self.farm.sender.ready(pool), what=f"a message in pool {pool}")

    def lose_broker_data(self, _: Victim | None = None) -> None:
        """SIGKILL the broker, delete all it has, and start it again."""
        valkey = Valkey(RunFolder.open(self.settings.run_folder))
        valkey.processes.end([(signal.SIGKILL, 10.0)])
        shutil.rmtree(valkey.data)
        binary = find_valkey(("embedded", "system"))
        self._brokers.enter_context(valkey.started(binary, progress=lambda _: None))

    def endings(self, victim: Victim) -> list[object]:
        """How the attempts at the victim's work ended, in their order."""
        rows = self.rows(
            "SELECT ending FROM attempts WHERE work = %s AND subject_id = %s ORDER BY number",
            victim.work,
            victim.subject_id,
        )
        return [ending for (ending,) in rows]

    def story(self) -> str:
        """What the rows and the logs say, for somebody who has to find out what went wrong."""
        tables = (
            ("events", "at::time(3), who, kind, new_state, token, left(why, 150)", "id"),
            (
                "attempts",
                "token, work, left(subject_id::text, 8) AS subject, number, worker, stage,"
                " started_at::time(3), heartbeat_at::time(3), ended_at::time(3), ending,"
                " left(note, 150)",
                "token",
            ),
            (
                "outbox",
                "task_name, left(subject_id::text, 8) AS subject, sends, created_at::time(3),"
                " sent_at::time(3), received_at::time(3)",
                "id",
            ),
        )
        told = [_told(name, self.rows(f"SELECT {what} FROM {name} ORDER BY {order} DESC LIMIT 40"))
                for name, what, order in tables]  # fmt: skip
        logs = sorted((self.settings.run_folder / "logs").glob("*.log"))
        return "\n".join((*told, *(f"--- {log.name}\n{_tail(log)}" for log in logs)))

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            self.own.servers.database_url.replace("+psycopg", "", 1),
            autocommit=True,
            row_factory=namedtuple_row,
        )

    def _row(self, request_id: UUID) -> RequestRow:
        with self.farm.database.begin() as connection:
            return requests.load(connection, request_id)

    def _at(self, request_id: UUID, boundary: Boundary) -> list[Victim]:
        rows = self._watch.execute(
            "SELECT work, subject_id, number, token, split_part(worker, ':', 2)::int AS pid"
            " FROM attempts WHERE request_id = %s AND work = %s AND stage = %s"
            " AND ended_at IS NULL AND token <> ALL(%s) ORDER BY token",
            (request_id, boundary.work, boundary.stage, self._struck),
        )
        return [Victim(**row._asdict()) for row in rows]

    @contextmanager
    def _closed(self, boundary: Boundary) -> Iterator[None]:
        """Attempts that reach the boundary wait there."""
        self._watch.execute(f"SELECT pg_advisory_lock({_GATE})")
        self._watch.execute(
            "INSERT INTO gates (work, stage) VALUES (%s, %s)", (boundary.work, boundary.stage)
        )
        try:
            yield
        finally:
            self._watch.execute("DELETE FROM gates")
            self._watch.execute(f"SELECT pg_advisory_unlock({_GATE})")


@contextmanager
def arena(settings: Settings, *, children: int = 2) -> Iterator[Arena]:
    """A farm of its own in the settings' run folder: one worker for all pools, and the sweeper."""
    commands = (worker(WORKER, POOLS, processes=children), sweeper())
    with (
        ExitStack() as brokers,
        own_farm(settings, commands, progress=lambda _: None) as own,
    ):
        made = Arena(own, settings, brokers)
        try:
            yield made
        finally:
            made.close()


_GATES = f"""
    CREATE TABLE IF NOT EXISTS gates (work text, stage text);
    CREATE OR REPLACE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM gates WHERE work = OLD.work AND stage = OLD.stage) THEN
            PERFORM pg_advisory_xact_lock_shared({_GATE});
        END IF;
        RETURN NEW;
    END $$;
    CREATE OR REPLACE TRIGGER gate BEFORE UPDATE ON attempts FOR EACH ROW
        WHEN (OLD.ended_at IS NULL AND NEW.ending IS DISTINCT FROM 'lost') -- the dead are buried
        EXECUTE FUNCTION wait_at_gate();
"""


def _request(origin: Path, **fields: object) -> ChangeRequest:
    return ChangeRequest.model_validate(
        {
            "repo": str(origin),
            "description": "the suite is red",
            "acceptance_criteria": (SUITE_PASSES,),
            "source": "cli",
            **fields,
        }
    )


def _told(name: str, rows: list[tuple[object, ...]]) -> str:
    lines = (" | ".join("" if cell is None else str(cell) for cell in row) for row in rows[::-1])
    return "\n".join((f"--- {name}", *lines))


def _tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
