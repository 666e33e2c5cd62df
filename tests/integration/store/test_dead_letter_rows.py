"""Letters that are set aside, sent again, and set aside again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from sqlalchemy import create_engine

from selfheal.contracts.dead_letter import DeadLetter
from selfheal.store import dead_letters, migrate
from selfheal.store.database import Database


@pytest.fixture(scope="module")
def database(fresh_database: Callable[..., str]) -> Iterator[Database]:
    url = fresh_database()
    engine = create_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    opened = Database(url)
    yield opened
    opened.close()


def _letter() -> DeadLetter:
    return DeadLetter(
        id=uuid4(),
        queue="coding",
        task_name="selfheal.code",
        reason="its argument task_id is no UUID",
        headers={},
        content_type="application/json",
        content_encoding="utf-8",
        body="[]",
        complete=True,
    )


def test_a_letter_that_was_sent_again_is_not_listed_any_more(database: Database) -> None:
    letter = _letter()
    with database.begin() as connection:
        dead_letters.put(connection, letter)
        dead_letters.mark_requeued(connection, dead_letters.load(connection, letter.id))

        assert letter.id not in [row.id for row in dead_letters.newest(connection, 100)]
        assert dead_letters.load(connection, letter.id).requeued_at is not None


def test_a_letter_that_comes_back_before_it_is_marked_as_sent_stays_listed(
    database: Database,
) -> None:
    letter = _letter()
    with database.begin() as connection:
        dead_letters.put(connection, letter)
        sent = dead_letters.load(connection, letter.id)
        dead_letters.put(connection, letter)
        dead_letters.mark_requeued(connection, sent)

        listed = {row.id: row.times for row in dead_letters.newest(connection, 100)}

    assert listed[letter.id] == 2
