"""The tables' versions: numbered SQL files, run once each, never by the backend itself."""

from __future__ import annotations

from importlib.resources import files

import psycopg

from selfheal.errors import SchemaMismatch

_UPGRADE_LOCK = 7353_0002  # any constant: two upgrades of one database wait for each other

_VERSION = "SELECT max(version) FROM selfheal_results.versions"


def newest() -> int:
    """The version this code was written for."""
    return max(_scripts())


def current(connection: psycopg.Connection) -> int:
    """The version the database is at; 0 without tables."""
    with connection.transaction():
        found = connection.execute("SELECT to_regclass('selfheal_results.versions')").fetchone()
        if found is None or found[0] is None:
            return 0
        (version,) = connection.execute(_VERSION).fetchone() or (0,)
        return version or 0


def upgrade(connection: psycopg.Connection) -> int:
    """Run what is missing, all or nothing; returns the version reached.

    Raises SchemaMismatch for a database that newer code has upgraded.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_UPGRADE_LOCK])
        found = current(connection)
        if found > newest():
            raise SchemaMismatch(
                f"the result tables are at version {found}, newer than this code's {newest()}:"
                " upgrade selfheal"
            )
        if found == 0:
            _begin(connection)
        for version in sorted(one for one in _scripts() if one > found):
            connection.execute(_scripts()[version].encode())
            connection.execute("INSERT INTO selfheal_results.versions VALUES (%s)", [version])
    return newest()


def _begin(connection: psycopg.Connection) -> None:
    """A schema that somebody with more rights has made already is used as it is."""
    made = connection.execute("SELECT FROM pg_namespace WHERE nspname = 'selfheal_results'")
    if not made.rowcount:
        connection.execute("CREATE SCHEMA selfheal_results")
    connection.execute(
        "CREATE TABLE selfheal_results.versions (version INTEGER PRIMARY KEY,"
        " applied_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp())"
    )


def _scripts() -> dict[int, str]:
    folder = files("selfheal.results") / "migrations"
    return {
        int(script.name.partition("_")[0]): script.read_text(encoding="utf-8")
        for script in folder.iterdir()
        if script.name.endswith(".sql")
    }
