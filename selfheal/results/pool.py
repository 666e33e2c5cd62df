"""Connections of one process, shared by its threads and made in it: never before a fork."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from selfheal.errors import InvalidSettings, SchemaMismatch

Row = dict[str, Any]
"""A row by column name; JSON columns are asked for as text."""

Connection = psycopg.Connection[Row]

# libpq's own, so that they work through a pooler as well. A silent network is noticed in about half
# a minute instead of hours. The URL's own values win.
_PATIENCE = {
    "connect_timeout": "5",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "application_name": "selfheal results",
}

_OUTDATED = (
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
)

_SCHEMES = ("postgresql+psycopg", "postgresql", "postgres")

_POOLS: dict[tuple[int, str, int], Pool] = {}


class Pool:
    """At most `size` connections in autocommit; opened when needed, the last used first."""

    def __init__(self, url: str, *, size: int) -> None:
        self._conninfo = conninfo(url)
        self._free = BoundedSemaphore(size)
        self._idle: deque[Connection] = deque()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection; one that broke in the caller's hands is not used again.

        Raises SchemaMismatch when the tables are missing.
        """
        with self._free:
            connection = self._take()
            try:
                yield connection
            except _OUTDATED as error:
                raise SchemaMismatch(
                    "the tables of the result backend are missing or old: run"
                    " `python -m selfheal.results upgrade URL` with the backend's URL"
                ) from error
            finally:
                self._give_back(connection)

    def rows(self, statement: str, values: Mapping[str, object] | None = None) -> list[Row]:
        """The rows of one statement, which is one transaction."""
        with self.connection() as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def count(self, statement: str, values: Mapping[str, object] | None = None) -> int:
        """How many rows one statement wrote."""
        with self.connection() as connection:
            return connection.execute(statement.encode(), values).rowcount

    def discard_idle(self) -> None:
        """Close what nobody uses: after a restart of the server all of it is broken."""
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:  # another thread took it
                return

    def _take(self) -> Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return psycopg.connect(self._conninfo, autocommit=True, row_factory=dict_row)

    def _give_back(self, connection: Connection) -> None:
        if connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            self._idle.append(connection)
        else:
            connection.close()


def pool_for(url: str, *, size: int) -> Pool:
    """The pool of this process. Celery makes a backend per thread; they all share it.

    The pools of a parent stay in the table of its forked child, unused: closing or collecting
    them there would end the parent's sessions.
    """
    key = (os.getpid(), url, size)
    return _POOLS.get(key) or _POOLS.setdefault(key, Pool(url, size=size))


def conninfo(url: str) -> str:
    """What libpq takes for a URL as Celery or SQLAlchemy spell it. Raises InvalidSettings."""
    scheme, _, rest = url.removeprefix("selfheal+").partition("://")
    if scheme not in _SCHEMES:
        raise InvalidSettings(
            f"the result backend's URL starts with {scheme}://: expected one of "
            + ", ".join(f"{known}://" for known in _SCHEMES)
        )
    given = conninfo_to_dict(f"postgresql://{rest}")
    return make_conninfo("", **{**_PATIENCE, **given})
