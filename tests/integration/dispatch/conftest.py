"""A migrated database per test, and a farm's rows in it without a farm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Row, text

from selfheal.contracts.bundle import CodingTask, TaskBundle
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.commit_result import CommitResult, Status
from selfheal.contracts.names import CODE, LAND, Pool
from selfheal.dispatch.release import open_round
from selfheal.errors import BrokerUnavailable
from selfheal.store import attempts, plans, requests
from selfheal.store.attempts import Attempt, Work
from selfheal.store.database import Database
from selfheal.store.outbox import Message, message_of

SHA = "a" * 40


@pytest.fixture
def database(fresh_database: Callable[..., str], migrated: str) -> Iterator[Database]:
    opened = Database(fresh_database(template=migrated))
    yield opened
    opened.close()


@dataclass
class RecordingSender:
    """A broker that remembers; it refuses everything while `down`."""

    sent: list[Message] = field(default_factory=list)
    waiting: dict[Pool, int] = field(default_factory=dict)
    down: bool = False

    def send(self, message: Message) -> None:
        if self.down:
            raise BrokerUnavailable("the broker is down")
        self.sent.append(message)

    def ready(self, pool: Pool) -> int:
        if self.down:
            raise BrokerUnavailable("the broker is down")
        return self.waiting.get(pool, 0)

    def give_back(self, *, older_than: float) -> int:
        if self.down:
            raise BrokerUnavailable("the broker is down")
        return 0


@pytest.fixture
def sender() -> RecordingSender:
    return RecordingSender()


@dataclass
class Graph:
    """A round in the database: its tasks in the order given, and ways to work at them."""

    database: Database
    request_id: UUID
    round_id: UUID
    tasks: tuple[UUID, ...]

    def begin(self, index: int, *, dead_after: float = 60.0) -> Attempt | None:
        with self.database.begin() as connection:
            return attempts.begin(
                connection,
                Work(CODE, self.tasks[index], self.request_id),
                worker="here:1",
                message_id=None,
                dead_after=dead_after,
            )

    def result(self, index: int, status: Status = "SUCCESS") -> CommitResult:
        return CommitResult(
            task_id=self.tasks[index],
            status=status,
            commit_sha=SHA if status == "SUCCESS" else "",
            reason="" if status == "SUCCESS" else "no candidate passed",
        )

    def states(self) -> list[str]:
        return [str(row.state) for row in self.rows("coding_tasks")]

    def rows(self, table: str) -> Sequence[object]:
        order = {"coding_tasks": "step_number", "commit_results": "task_id"}.get(table, "id")
        with self.database.begin() as connection:
            return connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}")).all()

    def released(self) -> set[int]:
        """Which tasks have an outbox row."""
        subjects = [row.subject_id for row in self.rows("outbox") if row.task_name == CODE]
        assert len(subjects) == len(set(subjects)), "a task was released twice"
        return {self.tasks.index(subject) for subject in subjects}

    def chord(self) -> Row[Any]:
        """The round's row in the result store."""
        with self.database.begin() as connection:
            return connection.execute(
                text("SELECT * FROM selfheal_results.chords WHERE group_id = :id"),
                {"id": str(self.round_id)},
            ).one()

    def lands(self) -> int:
        """How many outbox rows there are for the round's body."""
        ids = [row.message_id for row in self.rows("outbox")]
        return ids.count(message_of(LAND, self.round_id))


@pytest.fixture
def graph_of(database: Database) -> Callable[..., Graph]:
    """`graph_of([(), (0,), (0, 1)])`: task 1 needs task 0, task 2 needs both."""

    def make(parents: Sequence[Sequence[int]], *, sequential: bool = False) -> Graph:
        request = ChangeRequest(repo=f"/repo/{uuid4()}", description="x", source="cli")
        with database.begin() as connection:
            requests.accept(connection, request)
            plan_id = plans.ask_for(connection, request.id, number=1)
            ids = [uuid4() for _ in parents]
            bundle = TaskBundle(
                plan_id=plan_id,
                base_commit_sha=SHA,
                force_sequential=sequential,
                tasks=tuple(
                    CodingTask(
                        id=ids[index],
                        parent_plan_id=plan_id,
                        step_number=index + 1,
                        goal="g",
                        kind="EDIT",
                        paths=("a.py",),
                        depends_on=tuple(ids[up] for up in ups),
                        base_commit_sha=SHA,
                    )
                    for index, ups in enumerate(parents)
                ),
            )
            row = open_round(connection, bundle, request_id=request.id)
        return Graph(database, request.id, row.id, tuple(ids))

    return make
