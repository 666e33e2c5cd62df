"""One process's way to PostgreSQL, when that process does not behave."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from selfheal.errors import StoreUnavailable
from selfheal.store.database import Database


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
