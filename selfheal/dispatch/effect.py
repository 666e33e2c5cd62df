"""The transaction in which an attempt's outcome becomes true, or does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from selfheal.store import attempts
from selfheal.store.attempts import Attempt
from selfheal.store.database import Database


@contextmanager
def effect(database: Database, attempt: Attempt, *, note: str) -> Iterator[Connection]:
    """One transaction that begins with the attempt's end as accepted.

    Raises Fenced, having written nothing, when the attempt is no longer the newest.
    """
    with database.begin() as connection:
        attempts.accept(connection, attempt, note=note)
        yield connection
