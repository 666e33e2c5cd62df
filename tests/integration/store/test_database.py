"""One process's way to PostgreSQL, when that process does not behave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import text

from selfheal.errors import StoreUnavailable
from selfheal.store.database import Database, run


@pytest.fixture
def url(fresh_database: Callable[..., str]) -> str:
    return fresh_database()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()


def test_a_transaction_that_its_process_sleeps_in_lets_go_of_its_rows(
    url: str, database: Database
) -> None:
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE things (id integer)"))
        connection.execute(text("INSERT INTO things VALUES (1)"))
    asleep = Database(url, idle_timeout=0.2)

    with pytest.raises(StoreUnavailable), asleep.begin() as sleeping:
        sleeping.execute(text("SELECT * FROM things FOR UPDATE"))
        with database.begin() as connection:  # waits for the row; statement_timeout bounds it
            connection.execute(text("UPDATE things SET id = 2"))
        sleeping.execute(text("UPDATE things SET id = 3"))

    with asleep.begin() as connection:
        assert connection.execute(text("SELECT id FROM things")).scalar_one() == 2
    asleep.close()


def test_a_statement_alone_is_committed_and_leaves_its_connection_as_it_was(url: str) -> None:
    database = Database(url, pool_size=1)
    with database.statement() as connection:
        connection.execute(text("CREATE TABLE kept_at_once (n int)"))

    with pytest.raises(ZeroDivisionError), database.begin() as connection:
        connection.execute(text("DROP TABLE kept_at_once"))
        raise ZeroDivisionError

    with database.statement() as connection:
        assert connection.execute(text("SELECT count(*) FROM kept_at_once")).scalar_one() == 0
    database.close()


def test_what_the_driver_runs_alone_ends_with_the_transaction(database: Database) -> None:
    with database.begin() as connection:
        run(connection, "CREATE TABLE things (id integer)", {})

    with pytest.raises(ZeroDivisionError), database.begin() as connection:
        run(connection, "INSERT INTO things VALUES (%(id)s)", {"id": 1})
        raise ZeroDivisionError

    with database.statement() as connection:
        run(connection, "INSERT INTO things VALUES (%(id)s)", {"id": 2})
    with database.begin() as connection:
        assert run(connection, "SELECT id FROM things", {}).fetchall() == [{"id": 2}]


def test_whoever_finds_every_connection_in_use_is_told_to_come_back(url: str) -> None:
    database = Database(url, pool_size=1, pool_timeout=0.05)

    with (
        ExitStack() as held,
        pytest.raises(StoreUnavailable, match=r"no connection .* became free"),
    ):
        while True:
            held.enter_context(database.begin())

    database.close()


@pytest.mark.parametrize("way", ["begin", "statement"])
def test_a_session_that_the_server_ends_is_not_used_again(
    url: str, database: Database, way: str
) -> None:
    cut = Database(url, pool_size=1)
    ended = "SELECT pg_terminate_backend(%(pid)s)"

    with pytest.raises(StoreUnavailable), getattr(cut, way)() as connection:
        (session,) = run(connection, "SELECT pg_backend_pid() AS pid", {})
        with database.begin() as other:
            run(other, ended, session)
        run(connection, "SELECT 1", {})

    with getattr(cut, way)() as connection:
        assert run(connection, "SELECT 1 AS one", {}).fetchone() == {"one": 1}
    cut.close()
