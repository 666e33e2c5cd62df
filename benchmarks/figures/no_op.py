"""The farm's Celery app with a CodingTask that does nothing, for `celery -A figures.no_op worker`.

Everything around the work is the farm's own: its app and settings, the base task, the attempt with
its heartbeat, `settle` and the outbox. Only what an agent does between them is left out: worktree,
draft, commit. A task whose goal is `CHECKPOINTS` also reads and writes the rows of a real one; a
goal of `sleep N` lasts N seconds.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from selfheal.celery import FarmApp, SettingsLoader
from selfheal.contracts import names
from selfheal.contracts.commit_result import CommitResult
from selfheal.dispatch.settle import settle
from selfheal.flows.attempting import Failure, Running, attempt
from selfheal.store import requests, rounds
from selfheal.store.attempts import Attempt, Work
from selfheal.store.rounds import TaskRow
from selfheal.tasks.base import FarmTask

CHECKPOINTS = "checkpoints"
SLEEP = "sleep "
STAGES = ("drafted", "applied", "checked", "committed")


class NoOpLoader(SettingsLoader):
    """The farm's configuration without its own tasks."""

    def read_configuration(self, env: str = "") -> dict[str, Any]:
        return {**super().read_configuration(env), "include": ()}


def no_op_app() -> FarmApp:
    """An app that knows one task, under the farm's name for it."""
    made = FarmApp()
    made.loader_cls = NoOpLoader  # type: ignore[assignment]  # its stubs know names only

    @made.task(name=names.CODE, bind=True, base=FarmTask, shared=False)
    def code(self: FarmTask, task_id: str) -> None:
        _code(self, UUID(task_id))

    return made


def _code(task: FarmTask, task_id: UUID) -> None:
    """As `selfheal.flows.code.code`."""
    with task.farm.database.statement() as connection:
        row = rounds.load_task(connection, task_id)
    work = Work(names.CODE, task_id, row.request_id)
    attempt(task.farm, work, task.message_id, body=partial(_do_nothing, row=row), fail=_fail)


def _do_nothing(running: Running, *, row: TaskRow) -> None:
    if row.task.goal == CHECKPOINTS:
        _keep_checkpoints(running, row)
    if row.task.goal.startswith(SLEEP):
        running.wait(float(row.task.goal.removeprefix(SLEEP)))
    running.check()
    result = CommitResult(
        task_id=row.id, status="SUCCESS", commit_sha=row.task.base_commit_sha, verdict="passes"
    )
    with running.farm.database.begin() as connection:
        settle(connection, running.attempt, result)


def _keep_checkpoints(running: Running, row: TaskRow) -> None:
    """Every other row that a CodingTask reads and writes on its way."""
    database = running.farm.database
    with database.statement() as connection:
        requests.load(connection, row.request_id)
    with database.statement() as connection:
        rounds.ancestors(connection, row.id)
    with running.step() as connection:
        rounds.note_base(connection, row.id, row.task.base_commit_sha)
    for stage in STAGES:
        running.keep(stage)


def _fail(connection: Connection, begun: Attempt, failure: Failure) -> None:
    lost = CommitResult(task_id=begun.work.subject_id, status="HARD_FAIL", reason=failure.reason)
    settle(connection, begun, lost)


app = no_op_app()
