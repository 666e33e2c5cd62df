"""A whole farm in one process: real database, git and sandbox; the outbox is worked off in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

import pytest
from sqlalchemy import create_engine

from selfheal.contracts import names
from selfheal.contracts.change_request import SUITE_PASSES, ChangeRequest
from selfheal.contracts.names import Pool
from selfheal.contracts.run_report import RunReport
from selfheal.dispatch.sender import flush
from selfheal.flows import code, code_plan, decompose, land, plan, submit, subtask, tidy
from selfheal.flows.farm import Farm
from selfheal.redaction import Redactor
from selfheal.settings import Settings
from selfheal.store import migrate, requests
from selfheal.store.database import Database
from selfheal.store.outbox import Message
from selfheal.workspace.git import Git, Identity
from selfheal.workspace.worktree import commit_environment

_FLOWS: Mapping[str, Callable[..., None]] = {
    names.PLAN: plan.plan,
    names.CODE_PLAN: code_plan.code_plan,
    names.CODE: code.code,
    names.DECOMPOSE: decompose.decompose,
    names.SUBTASK: subtask.subtask,
    names.LAND: land.land,
    names.TIDY: tidy.tidy,
}


@dataclass
class Turns:
    """A sender whose messages wait until somebody takes a turn."""

    waiting: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> None:
        self.waiting.append(message)

    def ready(self, pool: Pool) -> int:
        return sum(message.pool == pool for message in self.waiting)

    def give_back(self, *, older_than: float) -> int:
        return 0


@dataclass
class OneProcessFarm:
    """The flows, one message at a time, in the order they were sent."""

    farm: Farm
    turns: Turns
    worked: list[str] = field(default_factory=list)

    def submit(self, repo: Path, **fields: object) -> UUID:
        request = ChangeRequest.model_validate(
            {
                "repo": str(repo),
                "description": "make the failing tests pass",
                "acceptance_criteria": (SUITE_PASSES,),
                "source": "cli",
                **fields,
            }
        )
        return submit.submit(self.farm, request, door="terminal").id

    def turn(self) -> bool:
        """Work off one message; False when none waits."""
        flush(self.farm.database, self.turns)
        if not self.turns.waiting:
            return False
        message = self.turns.waiting.pop(0)
        self.worked.append(message.task_name)
        _FLOWS[message.task_name](self.farm, message.subject_id, message_id=message.message_id)
        return True

    def run(self) -> None:
        """Work until nothing waits."""
        while self.turn():
            pass

    def report(self, request_id: UUID) -> RunReport:
        with self.farm.database.begin() as connection:
            row = requests.follow(connection, request_id)
        assert row.report is not None, f"{row.state}: no report yet"
        return row.report

    def heal(self, repo: Path, **fields: object) -> RunReport:
        request_id = self.submit(repo, **fields)
        self.run()
        return self.report(request_id)


@pytest.fixture(scope="session")
def _migrated(fresh_database: Callable[..., str]) -> str:
    url = fresh_database()
    engine = create_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    return url


@pytest.fixture
def one_process_farm(farm_with: Callable[..., OneProcessFarm]) -> OneProcessFarm:
    return farm_with()


@pytest.fixture
def farm_with(
    fresh_database: Callable[..., str], _migrated: str, tmp_path: Path
) -> Iterator[Callable[..., OneProcessFarm]]:
    """`farm_with(llm={...})`: a farm with these sections of settings beside those of tests."""
    with ExitStack() as stack:

        def make(
            *,
            coding: Mapping[str, object] = MappingProxyType({}),
            redactor: Redactor | None = None,
            broker_url: str = "",
            **sections: object,
        ) -> OneProcessFarm:
            settings = Settings(
                farm={"run_folder": tmp_path / "run"},
                coding={"budget_seconds": 30, **coding},
                **sections,
            )
            redactor = redactor or Redactor()
            url = fresh_database(template=_migrated)
            turns, database = Turns(), Database(url, redactor=redactor)
            farm = Farm(settings, database, turns, redactor=redactor, broker_url=broker_url)
            return OneProcessFarm(stack.enter_context(closing(farm)), turns)

        yield make


@pytest.fixture
def repository(tmp_path: Path) -> Callable[..., Path]:
    """`repository({"a.py": "..."})`: a bare repository with one commit on `main`."""

    def make(files: Mapping[str, str], *, name: str = "origin") -> Path:
        origin, copy = tmp_path / f"{name}.git", tmp_path / f"{name}-files"
        for path, text in files.items():
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            (copy / path).write_text(text)
        copy.mkdir(exist_ok=True)
        origin.mkdir()
        Git(origin).run("init", "--bare", "--quiet", "--template=", "--initial-branch=main")
        commit_all(origin, copy)
        return origin

    return make


def commit_all(origin: Path, files: Path, *, branch: str = "main") -> str:
    """Everything in `files` as a new commit on `branch` of `origin`."""
    from datetime import UTC, datetime

    git = Git(origin, files)
    git.run("add", "--all", ".")
    who = Identity("Test", "test@localhost")
    head = git.run("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", accept=(0, 1)).line
    commit = git.run(
        "commit-tree",
        *(("-p", head) if head else ()),
        "-m",
        "files",
        git.text("write-tree"),
        environment=commit_environment(who, who, datetime.now(UTC)),
    ).line
    git.run("update-ref", f"refs/heads/{branch}", commit)
    return commit


def refs_of(origin: Path) -> set[str]:
    """Every ref of the repository."""
    return set(Git(origin).text("for-each-ref", "--format=%(refname)").splitlines())
