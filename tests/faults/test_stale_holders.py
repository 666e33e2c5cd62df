"""Who slept for longer than its leases live finds every door shut when it wakes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from selfheal.contracts import names
from selfheal.contracts.change_request import ChangeRequest
from selfheal.dispatch.release import open_round
from selfheal.dispatch.settle import settle
from selfheal.leases import reservations
from selfheal.store import attempts, migrate, plans, requests
from selfheal.store.attempts import Work
from selfheal.store.database import Database
from selfheal.workspace.git import Git, Identity
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.refs import Refs, result_ref
from selfheal.workspace.worktree import commit_environment
from tests.faults.project import plant
from tests.faults.stale_holder import SYMBOL, TTL_SECONDS, Task
from tests.faults.storm_work import Load, graph, result


@pytest.fixture
def database(fresh_database: Callable[..., str]) -> Iterator[Database]:
    with closing(Database(fresh_database())) as opened:
        migrate.upgrade(opened.engine)
        yield opened


@contextmanager
def holder_of(database: Database) -> Iterator[subprocess.Popen[str]]:
    script = Path(__file__).with_name("stale_holder.py")
    command = [sys.executable, "-P", str(script), database.url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        try:
            yield holder
        finally:
            os.kill(holder.pid, signal.SIGCONT)
            holder.kill()


@pytest.mark.parametrize(
    "times", [3, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
def test_every_stale_write_and_push_is_refused(
    times: int, database: Database, tmp_path: Path
) -> None:
    origin = plant(tmp_path)
    mirror = Mirror.open(tmp_path / "mirrors", str(origin))
    mirror.fetch()
    old, new = mirror.resolve("main"), _another_commit(mirror)
    with holder_of(database) as holder:
        for _ in range(times):
            task = _task(database, mirror, tmp_path, sha=old)
            token = int(_say(holder, json.dumps(asdict(task))))

            holder.send_signal(signal.SIGSTOP)
            assert holder.stdin
            holder.stdin.write("go on\n")
            holder.stdin.flush()
            successor = _taken_over(database, mirror, task, sha=new)
            holder.send_signal(signal.SIGCONT)

            assert holder.stdout
            assert json.loads(holder.stdout.readline()) == {
                "write_result": "refused",
                "keep_checkpoint": "refused",
                "claim_leases": "refused",
                "push": "refused",
            }
            assert successor > token
            assert Refs(mirror).read(task.ref) == new
            with database.begin() as connection:
                tokens = connection.execute(
                    text("SELECT token FROM commit_results WHERE task_id = :id"), {"id": task.id}
                ).scalars()
                assert [*tokens] == [successor]


def _say(holder: subprocess.Popen[str], line: str) -> str:
    assert holder.stdin and holder.stdout
    holder.stdin.write(f"{line}\n")
    holder.stdin.flush()
    return holder.stdout.readline()


def _task(database: Database, mirror: Mirror, folder: Path, *, sha: str) -> Task:
    """A CodingTask that nobody has begun."""
    request_id, plan_id = _plan(database, mirror.url)
    with database.begin() as connection:
        bundle = graph(plan_id, Load(tasks=1))
        open_round(connection, bundle, request_id=request_id)
    return Task(
        id=str(bundle.tasks[0].id),
        request_id=str(request_id),
        plan_id=str(plan_id),
        mirrors=str(folder / "mirrors"),
        origin=mirror.url,
        ref=result_ref(str(request_id)),
        sha=sha,
    )


def _plan(database: Database, repo: str) -> tuple[UUID, UUID]:
    request = ChangeRequest(
        repo=repo, description="d", source="cli", context={"base_sha": uuid4().hex}
    )
    with database.begin() as connection:
        requests.accept(connection, request)
        return request.id, plans.ask_for(connection, request.id, number=1)


def _taken_over(database: Database, mirror: Mirror, task: Task, *, sha: str) -> int:
    """The work is done by another one, and another plan has the symbol; gives the token."""
    with database.begin() as connection:
        connection.execute(text("SELECT pg_sleep(:s)"), {"s": TTL_SECONDS})
    work = Work(names.CODE, UUID(task.id), UUID(task.request_id))
    _, other_plan = _plan(database, mirror.url)
    with database.begin() as connection:
        begun = attempts.begin(
            connection, work, worker="other:1", message_id=None, dead_after=TTL_SECONDS
        )
        assert begun is not None
    with database.begin() as connection:
        settle(connection, begun, result(UUID(task.id), "SUCCESS"))
    with database.begin() as connection:
        reservations.reserve(
            connection,
            repo=mirror.url,
            branch="main",
            symbols=[SYMBOL],
            plan_id=other_plan,
        )
        reservations.release(connection, other_plan)  # for the next one
    Refs(mirror).push(sha, task.ref, expect=None)
    return begun.token


def _another_commit(mirror: Mirror) -> str:
    git: Git = mirror.git
    author = Identity("Test", "test@localhost")
    main = mirror.resolve("main")
    return git.run(
        "commit-tree",
        "-p",
        main,
        "-m",
        "Another",
        git.text("rev-parse", f"{main}^{{tree}}"),
        environment=commit_environment(author, author, datetime.now(UTC)),
    ).line
