"""One process's way to PostgreSQL."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError

from selfheal.errors import StoreUnavailable

_AWAY = (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout)
"""Errors of the server or of the way to it, not of what it was asked."""


class Database:
    """Hands out short transactions. Opens its pool at first use, anew in each forked process.

    A transaction that asks nothing for `idle_timeout` seconds is ended by the server: its process
    sleeps or its host is gone, and others wait for the rows it holds.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 4,
        statement_timeout: float = 30.0,
        idle_timeout: float = 5.0,
    ) -> None:
        self.url = url
        self._pool_size = pool_size
        self._options = (
            f"-c statement_timeout={int(statement_timeout * 1000)}"
            f" -c idle_in_transaction_session_timeout={int(idle_timeout * 1000)}"
        )
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
        with answering(), self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close this process's connections."""
        if self._engine is not None and self._owner == os.getpid():
            self._engine.dispose()
        self._engine = None

    def _open(self) -> Engine:
        engine = create_engine(
            self.url,
            pool_size=self._pool_size,
            connect_args={
                "connect_timeout": 5,
                "application_name": "selfheal",
                "options": self._options,
            },
        )
        event.listen(engine, "checkout", _refuse_closed)
        return engine


def _refuse_closed(connection: psycopg.Connection, *_: object) -> None:
    """Let the pool open a new connection for one that its server has closed.

    A restarted server must not cost a task its attempt. What rests has nothing to say unless it is
    closing, so its socket tells that without the round trip that SQLAlchemy's own ping takes
    before each transaction.
    """
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    if socket.poll(0):
        raise DisconnectionError("the server has closed this connection")


@contextmanager
def answering() -> Iterator[None]:
    """Turns what drivers raise for a server that cannot be reached into StoreUnavailable."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(reason, _AWAY):
            raise
        raise StoreUnavailable(f"PostgreSQL does not answer: {reason}") from error
