"""Brings a database to this code's schema, and says how far it is from it.

Upgrades expand first and contract a release later, so that old code runs on the new schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psycopg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from selfheal.errors import SchemaMismatch
from selfheal.results import migrate as results
from selfheal.store.database import answering

_UPGRADE_LOCK = 7353_0001  # any constant: two upgrades of one database wait for each other


def upgrade(engine: Engine) -> str:
    """Run what is missing; returns the revision reached. Raises SchemaMismatch for a newer one, and
    like every function here StoreUnavailable when the server does not answer."""
    with answering(), engine.connect() as connection, _alone(connection):
        _refuse_newer(connection)
        command.upgrade(_config(connection), "head")
        connection.commit()
        results.upgrade(_driver(connection))
    return head()


def current(engine: Engine) -> str | None:
    """The revision the database is at; None for an empty one."""
    with answering(), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The revision this code was written for."""
    revision = _scripts().get_current_head()
    if revision is None:
        raise SchemaMismatch("no migrations are shipped with this installation: install it again")
    return revision


def check(engine: Engine) -> None:
    """Raise SchemaMismatch unless the database is at this code's revision."""
    with answering(), engine.connect() as connection:
        _refuse_newer(connection)
        found = MigrationContext.configure(connection).get_current_revision()
        behind = results.current(_driver(connection)) < results.newest()
    if found != head() or behind:
        raise SchemaMismatch(
            f"the database is at schema {found or 'none'}, older than this code's {head()}"
            f"{', or without its result tables' if found == head() else ''}: "
            "run `selfheal db upgrade`"
        )


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """One upgrade at a time; its statements may take longer than those of the farm's daily work."""
    connection.execute(text("SET statement_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _UPGRADE_LOCK})
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _UPGRADE_LOCK})
        connection.execute(text("RESET statement_timeout"))
        connection.commit()


def _driver(connection: Connection) -> psycopg.Connection:
    """The result tables keep their own versions, for projects without a farm: psycopg is enough."""
    driver: Any = connection.connection.driver_connection
    return cast("psycopg.Connection", driver)


def _refuse_newer(connection: Connection) -> None:
    found = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    known = {script.revision for script in _scripts().walk_revisions()}
    if found is not None and found not in known:
        raise SchemaMismatch(
            f"the database is at schema {found}, newer than this code's {head()}: "
            "upgrade selfheal, or point it at another database"
        )


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(None))


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
