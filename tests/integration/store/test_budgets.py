"""What a request may spend is not exceeded, however many workers want the last of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import create_engine

from selfheal.contracts.change_request import Budget, ChangeRequest
from selfheal.store import budgets, migrate, requests
from selfheal.store.budgets import Spend
from selfheal.store.database import Database


@pytest.fixture(scope="module")
def database(fresh_database: Callable[..., str]) -> Iterator[Database]:
    url = fresh_database()
    engine = create_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    opened = Database(url, pool_size=16)
    yield opened
    opened.close()


def _request(database: Database, **caps: float) -> UUID:
    request = ChangeRequest(
        repo="/repo", description=f"{caps}", source="cli", budget=Budget(**caps)
    )
    with database.begin() as connection:
        return requests.accept(connection, request).id


def test_sixteen_workers_that_race_never_get_more_than_the_cap(database: Database) -> None:
    request_id = _request(database, tokens=1000, usd=0.5)

    def spend(number: int) -> Spend:
        with database.begin() as connection:
            return budgets.reserve(connection, request_id, Spend(tokens=90, usd=0.01))

    with ThreadPoolExecutor(16) as pool:
        granted = list(pool.map(spend, range(32)))

    assert sum(one.tokens for one in granted) == 1000
    assert sum(one.usd for one in granted) == pytest.approx(0.32)
    with database.begin() as connection:
        assert budgets.used(connection, request_id).tokens == 1000


def test_what_was_reserved_and_not_used_can_be_had_again(database: Database) -> None:
    request_id = _request(database, seconds=10)
    with database.begin() as connection:
        first = budgets.reserve(connection, request_id, Spend(seconds=8))
        budgets.settle(connection, request_id, first, Spend(seconds=3))

        second = budgets.reserve(connection, request_id, Spend(seconds=8))

    assert (first.seconds, second.seconds) == (8, 7)


def test_without_a_cap_everything_is_granted_and_counted(database: Database) -> None:
    request_id = _request(database)

    with database.begin() as connection:
        granted = budgets.reserve(connection, request_id, Spend(seconds=1e6, tokens=5))

        assert granted == Spend(seconds=1e6, tokens=5)
        assert budgets.used(connection, request_id) == granted
