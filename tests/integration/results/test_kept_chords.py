"""Chords whose parts the application writes, in its own transactions."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from celery import Celery
from celery.app.task import Context
from sqlalchemy import Engine, create_engine

from selfheal.results.backend import PostgresBackend
from selfheal.results.kept import open_kept_chord, record_part, record_result_and_part
from selfheal.results.pool import Pool

THREADS = 8


@pytest.fixture
def engine(results_url: str) -> Iterator[Engine]:
    opened = create_engine(results_url.removeprefix("selfheal+"), pool_size=THREADS)
    yield opened
    opened.dispose()


def state_of(connections: Pool, group_id: UUID) -> tuple[str, int]:
    (row,) = connections.rows(
        "SELECT state, got FROM selfheal_results.chords WHERE group_id = %(id)s",
        {"id": str(group_id)},
    )
    return row["state"], row["got"]


def test_the_last_part_says_that_the_chord_is_complete(engine: Engine, connections: Pool) -> None:
    group_id, first, second = uuid4(), uuid4(), uuid4()

    with engine.begin() as connection:
        open_kept_chord(connection, group_id, size=2, body_task_id=uuid4())
        early = record_part(connection, group_id, task_id=first, index=0, result={"green": True})
    with engine.begin() as connection:
        late = record_part(connection, group_id, task_id=second, index=1, state="FAILURE")

    assert (early, late) == (False, True)
    assert state_of(connections, group_id) == ("published", 2)


def test_a_part_that_is_rolled_back_was_never_written(engine: Engine, connections: Pool) -> None:
    group_id, task_id = uuid4(), uuid4()
    with engine.begin() as connection:
        open_kept_chord(connection, group_id, size=1)

    with engine.connect() as connection, connection.begin() as transaction:
        assert record_part(connection, group_id, task_id=task_id)
        transaction.rollback()

    assert state_of(connections, group_id) == ("open", 0)
    with engine.begin() as connection:
        assert record_part(connection, group_id, task_id=task_id)


def test_what_a_task_returned_comes_back_as_it_was(engine: Engine, results_url: str) -> None:
    group_id, task_id, result = (
        uuid4(),
        uuid4(),
        {"said": "a NUL \0, half a pair \ud800", "took": 1e3},
    )

    with engine.begin() as connection:
        open_kept_chord(connection, group_id, size=1)
        complete = record_result_and_part(
            connection, group_id, task_id=task_id, index=0, result=result
        )

    app = Celery(backend=results_url, set_as_current=False)
    assert complete
    assert app.AsyncResult(str(task_id)).get(timeout=5) == result
    app.backend.pool.discard_idle()


def test_a_psycopg_connection_will_do(connections: Pool) -> None:
    group_id = uuid4()

    with connections.connection() as connection, connection.transaction():
        open_kept_chord(connection, group_id, size=1)
        complete = record_part(connection, group_id, task_id="any text", index=0)

    assert complete
    assert state_of(connections, group_id) == ("published", 1)


def test_a_part_counts_once_however_often_it_comes(engine: Engine, connections: Pool) -> None:
    group_id, task_id = uuid4(), uuid4()
    with engine.begin() as connection:
        open_kept_chord(connection, group_id, size=2)
        open_kept_chord(connection, group_id, size=7)

        answers = [record_part(connection, group_id, task_id=task_id, index=0) for _ in range(5)]

    assert answers == [False] * 5
    assert state_of(connections, group_id) == ("open", 1)


def test_of_parts_written_at_once_one_completes_the_chord(
    engine: Engine, connections: Pool
) -> None:
    group_id = uuid4()
    with engine.begin() as connection:
        open_kept_chord(connection, group_id, size=40)

    def settle(number: int) -> bool:
        with engine.begin() as connection:
            return record_part(connection, group_id, task_id=str(number % 40), index=number % 40)

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(settle, range(120)))

    assert sum(answers) == 1
    assert state_of(connections, group_id) == ("published", 40)


def test_what_celery_says_about_a_kept_chord_is_ignored(
    engine: Engine, connections: Pool, backend: PostgresBackend
) -> None:
    group_id = uuid4()
    body = backend.app.signature("body", task_id=str(uuid4()))
    with engine.begin() as connection:
        open_kept_chord(connection, group_id, size=1)

    backend.apply_chord((str(group_id), []), body)
    backend.set_chord_size(str(group_id), 1)
    backend.add_to_chord(str(group_id), None)
    lost = Context(id=str(uuid4()), group=str(group_id), chord=body, task="header", errbacks=[])
    backend.mark_as_failure(lost.id, RuntimeError("lost"), request=lost)

    assert backend.get_state(lost.id) == "FAILURE"
    assert state_of(connections, group_id) == ("open", 0)
    assert backend.sweep().anything is False
