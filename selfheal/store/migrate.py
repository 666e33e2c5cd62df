"""Brings a database to this code's schema, and says how far it is from it.

Upgrades expand first and contract a release later, so that old code runs on the new schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Engine, text

from selfheal.errors import SchemaMismatch
from selfheal.results import migrate as results
from selfheal.store.database import answering

_UPGRADE_LOCK = 7353_0001  # any constant: two upgrades of one database wait for each other

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine) -> str:
    """Run what is missing; returns the revision reached. Raises SchemaMismatch for a newer one, and
    like every function here StoreUnavailable when the server does not answer."""
    with answering(), engine.connect() as connection, _alone(connection):
        _refuse_newer(connection)
        _run_scripts(connection)
        connection.commit()
        results.upgrade(_driver(connection))
    return head()


def current(engine: Engine) -> str | None:
    """The revision the database is at; None for an empty one."""
    with answering(), engine.connect() as connection:
        return _current(connection)


def head() -> str:
    """The revision this code was written for."""
    known = revisions()
    if not known:
        raise SchemaMismatch("no migrations are shipped with this installation: install it again")
    return known[-1]


def revisions() -> list[str]:
    """All that this code knows, the oldest first: the name of a script begins with its own."""
    names = sorted(script.name for script in (_SCRIPTS / "versions").glob("[0-9]*_*.py"))
    return [name.partition("_")[0] for name in names]


def check(engine: Engine) -> None:
    """Raise SchemaMismatch unless the database is at this code's revision."""
    with answering(), engine.connect() as connection:
        _refuse_newer(connection)
        found = _current(connection)
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


def _run_scripts(connection: Connection) -> None:
    # Loading it takes longer than all else that most commands do, and few of them migrate.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _current(connection: Connection) -> str | None:
    """What Alembic has noted in its table."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _driver(connection: Connection) -> psycopg.Connection:
    """The result tables keep their own versions, for projects without a farm: psycopg is enough."""
    driver: Any = connection.connection.driver_connection
    return cast("psycopg.Connection", driver)


def _refuse_newer(connection: Connection) -> None:
    found = _current(connection)
    connection.rollback()
    if found is not None and found not in revisions():
        raise SchemaMismatch(
            f"the database is at schema {found}, newer than this code's {head()}: "
            "upgrade selfheal, or point it at another database"
        )
