"""One process's way to PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import OperationalError

from selfheal.errors import StoreUnavailable


class Database:
    """Hands out short transactions. Opens its pool at first use, anew in each forked process."""

    def __init__(self, url: str, *, pool_size: int = 4, statement_timeout: float = 30.0) -> None:
        self.url = url
        self._pool_size = pool_size
        self._statement_timeout_ms = int(statement_timeout * 1000)
        self._engine: Engine | None = None
        self._owner = 0

    @property
    def engine(self) -> Engine:
        """The engine of this process."""
        if self._engine is None or self._owner != os.getpid():
            # A forked child must not touch the parent's sockets, so the old pool is left alone.
            if self._engine is not None:
                self._engine.dispose(close=False)
            self._engine, self._owner = self._open(), os.getpid()
        return self._engine

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back on any error.

        Raises StoreUnavailable when the server cannot be reached or goes away.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except (OperationalError, psycopg.OperationalError) as error:
            reason = getattr(error, "orig", error)
            raise StoreUnavailable(f"PostgreSQL does not answer: {reason}") from error

    def close(self) -> None:
        """Close this process's connections."""
        if self._engine is not None and self._owner == os.getpid():
            self._engine.dispose()
        self._engine = None

    def _open(self) -> Engine:
        return create_engine(
            self.url,
            pool_size=self._pool_size,
            pool_pre_ping=True,  # a restarted server must not cost a task its attempt
            connect_args={
                "connect_timeout": 5,
                "application_name": "selfheal",
                "options": f"-c statement_timeout={self._statement_timeout_ms}",
            },
        )
