"""One process's way to PostgreSQL."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row, namedtuple_row
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as NoneFree

from selfheal.errors import StoreUnavailable
from selfheal.redaction import Redactor
from selfheal.store.parameters import CleanParameters

Row = dict[str, Any]
"""A row by column name."""

_CLEAN = "clean parameters"
"""What a connection remembers of its engine, for statements that pass SQLAlchemy by."""

_NOTICE_SILENCE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
}
"""A host that is gone says nothing: by the kernel's defaults that is noticed after two hours."""

_AWAY = (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout)
"""Errors of the server or of the way to it, not of what it was asked."""


@dataclass(frozen=True, slots=True)
class _Engines:
    """Two ways to use one pool, and the process that it belongs to."""

    transactions: Engine
    statements: Engine
    owner: int


class Database:
    """Hands out short transactions. Opens its pool at first use, anew in each forked process.

    No secret that `redactor` finds gets into a row, whoever writes it.

    A transaction that asks nothing for `idle_timeout` seconds is ended by the server: its process
    sleeps or its host is gone, and others wait for the rows it holds.

    Threads that find all connections in use wait for one, for `pool_timeout` seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 4,
        pool_timeout: float = 30.0,
        statement_timeout: float = 30.0,
        idle_timeout: float = 5.0,
        redactor: Redactor | None = None,
    ) -> None:
        self.url = url
        self._redactor = redactor or Redactor()
        self._pool_size = pool_size
        self._pool_timeout = pool_timeout
        self._options = (
            f"-c statement_timeout={int(statement_timeout * 1000)}"
            f" -c idle_in_transaction_session_timeout={int(idle_timeout * 1000)}"
        )
        self._engines: _Engines | None = None

    @property
    def engine(self) -> Engine:
        """The engine of this process."""
        return self._here().transactions

    def _here(self) -> _Engines:
        """The engines of this process, opened anew after a fork."""
        if self._engines is None or self._engines.owner != os.getpid():
            # A forked child must not touch the parent's sockets, so the old pool is left alone.
            if self._engines is not None:
                self._engines.transactions.dispose(close=False)
            engine = self._open()
            statements = engine.execution_options(isolation_level="AUTOCOMMIT")
            self._engines = _Engines(engine, statements, os.getpid())
        return self._engines

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back on any error.

        Raises StoreUnavailable when the server cannot be reached or goes away.
        """
        with answering(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def statement(self) -> Iterator[Connection]:
        """For statements that are each a transaction by itself; those of one message are one.

        That takes a third of the round trips. Raises as `begin`.
        """
        with answering(), self._here().statements.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close this process's connections."""
        if self._engines is not None and self._engines.owner == os.getpid():
            self._engines.transactions.dispose()
        self._engines = None

    def _open(self) -> Engine:
        engine = create_engine(
            self.url,
            pool_size=self._pool_size,
            pool_timeout=self._pool_timeout,
            hide_parameters=True,  # in the text of an error they would be in logs
            connect_args={
                "connect_timeout": 5,
                "application_name": "selfheal",
                "options": self._options,
                **_NOTICE_SILENCE,
            },
        )
        event.listen(engine, "checkout", _refuse_closed)
        clean = CleanParameters(self._redactor)
        event.listen(engine, "before_cursor_execute", clean, retval=True)

        @event.listens_for(engine, "connect")
        def _remember(_driver: object, record: Any) -> None:
            record.info[_CLEAN] = clean

        return engine


def sent_together(connection: Connection, values: dict[str, Any], *sql: LiteralString) -> list[Any]:
    """The answer of the last statement. All go to the server in one message, with a BEGIN if due.

    They are in the driver's own style, and each sees what was committed before it began. While one
    of them holds a lock, nobody then waits for this process to get its turn on the CPU but for the
    commit. A connection that commits by itself does so at the end of the message, so that nobody
    waits for that either; one statement alone then needs no pipeline, which would only cost CPU
    (`benchmarks/leases.py`).
    """
    if not connection.in_transaction():
        connection.begin()  # so that SQLAlchemy, too, knows of what the driver is about to begin
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    together = len(sql) > 1 or not driver.autocommit
    with (
        driver.pipeline() if together else nullcontext(),
        driver.cursor(row_factory=namedtuple_row) as cursor,
    ):
        for statement in sql[:-1]:
            driver.execute(statement, values)
        cursor.execute(sql[-1], values)
        return cursor.fetchall()


def run(connection: Connection, statement: str, values: dict[str, Any]) -> psycopg.Cursor[Row]:
    """Run SQL with parameters like `%(name)s` in the connection's transaction, by the driver alone.

    For what each CodingTask asks: SQLAlchemy's part of a statement takes twice as long as the
    driver's, and was a third of what a child spends on a task (`benchmarks/farm.py --only
    overhead`). Only inside `Database.begin` or `Database.statement`. Errors are the driver's.
    """
    clean: CleanParameters | None = connection.info.get(_CLEAN)
    values = clean.cleaned(values) if clean else values
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    try:
        return driver.cursor(row_factory=dict_row).execute(statement, values)
    except psycopg.Error:
        if driver.closed:
            connection.invalidate()
        raise


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
    """Turns what drivers raise for a server that cannot be reached into StoreUnavailable.

    And what the pool raises when all connections of this process have been in use for too long.
    """
    try:
        yield
    except NoneFree as error:
        raise StoreUnavailable(f"no connection to PostgreSQL became free: {error}") from error
    except (DBAPIError, psycopg.Error) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(reason, _AWAY):
            raise
        raise StoreUnavailable(f"PostgreSQL does not answer: {reason}") from error
