"""A database on its way to this code's schema, and databases that are somewhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateSequence

from selfheal.errors import SchemaMismatch
from selfheal.store import migrate as migrations
from selfheal.store.migrate import check, current, head, revisions, upgrade
from selfheal.store.tables import fencing_tokens, metadata


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture
def empty(fresh_database: Callable[[], str]) -> Iterator[Engine]:
    """A database in which nothing was ever created."""
    with opened(fresh_database()) as engine:
        yield engine


@pytest.fixture(scope="module")
def upgraded(database_url: str) -> Iterator[Engine]:
    with opened(database_url) as engine:
        upgrade(engine)
        yield engine


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited 20 s in vain"


def test_an_empty_database_is_brought_to_the_head(empty: Engine) -> None:
    assert current(empty) is None

    reached = upgrade(empty)

    assert reached == head() == current(empty)
    check(empty)


def test_the_revisions_are_those_that_alembic_finds() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent / "migrations"))

    found = [script.revision for script in scripts.walk_revisions()]

    assert revisions() == found[::-1]
    assert head() == scripts.get_current_head()


def test_the_upgraded_schema_is_the_one_the_code_describes(upgraded: Engine) -> None:
    with upgraded.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_constraints_and_collations_are_those_the_code_describes(
    upgraded: Engine, fresh_database: Callable[[], str]
) -> None:
    """What Alembic's comparison leaves out."""
    with opened(fresh_database()) as described:
        with described.begin() as connection:
            # Before all tables: the column it belongs to is not in the first that uses it.
            connection.execute(CreateSequence(fencing_tokens))
            metadata.create_all(connection)

        assert _details(upgraded) == _details(described)


DETAILS = text("""
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
UNION ALL
SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT table_name, column_name, concat_ws(' ', collation_name, column_default, is_identity,
    identity_generation, is_nullable, data_type)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT sequencename, data_type::text, concat_ws(' ', start_value, increment_by, cycle)
FROM pg_sequences WHERE schemaname = 'public'
""")


def _details(engine: Engine) -> set[tuple[str, str, str]]:
    with engine.connect() as connection:
        rows = {(of, name, what) for of, name, what in connection.execute(DETAILS)}
    return {row for row in rows if not row[0].startswith("alembic_version")}


def test_upgrading_again_changes_nothing(upgraded: Engine) -> None:
    with upgraded.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO baselines (key, repo, commit_sha, document) VALUES ('k','r','s','{}')"
            )
        )

    assert upgrade(upgraded) == head()

    with upgraded.begin() as connection:
        assert connection.execute(text("SELECT key FROM baselines")).scalars().all() == ["k"]


def test_upgrades_at_the_same_time_wait_for_each_other(empty: Engine) -> None:
    with ThreadPoolExecutor(4) as threads:
        reached = list(threads.map(upgrade, [empty] * 4))

    assert reached == [head()] * 4
    check(empty)


def test_an_upgrade_lets_go_of_its_lock(upgraded: Engine) -> None:
    with upgraded.connect() as connection:
        held = connection.execute(
            text(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        )
        assert held.scalar_one() == 0


def test_an_upgrade_may_take_longer_than_other_statements(upgraded: Engine) -> None:
    limit = {"options": "-c statement_timeout=300"}
    hurried = create_engine(upgraded.url, connect_args=limit)
    with ThreadPoolExecutor(1) as thread, upgraded.connect() as busy:
        busy.execute(text("LOCK TABLE alembic_version"))
        reached = thread.submit(upgrade, hurried)
        wait_until(lambda: waits_longer_than(upgraded, "500 ms") or reached.done())
        busy.rollback()

        assert reached.result() == head()

    with hurried.connect() as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "300ms"
    hurried.dispose()


def waits_longer_than(engine: Engine, time: str) -> bool:
    with engine.begin() as connection:
        waiting = connection.execute(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock'"
                " AND clock_timestamp() - query_start > CAST(:time AS interval)"
            ),
            {"time": time},
        )
        return waiting.scalar_one() > 0


def test_an_older_schema_is_refused_with_the_command_that_helps(empty: Engine) -> None:
    with pytest.raises(SchemaMismatch, match=r"schema none, older .* run `selfheal db upgrade`"):
        check(empty)


def test_a_schema_of_newer_code_is_refused_and_left_alone(upgraded: Engine) -> None:
    with stamped(upgraded, "9999"):
        with pytest.raises(SchemaMismatch, match=r"schema 9999, newer .* upgrade selfheal"):
            check(upgraded)
        with pytest.raises(SchemaMismatch, match="schema 9999, newer"):
            upgrade(upgraded)

        assert current(upgraded) == "9999"


@contextmanager
def stamped(engine: Engine, revision: str) -> Iterator[None]:
    """As if code that knows `revision` had upgraded the database."""
    stamp = text("UPDATE alembic_version SET version_num = :revision")
    with engine.begin() as connection:
        connection.execute(stamp, {"revision": revision})
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(stamp, {"revision": head()})


def test_a_failed_upgrade_leaves_nothing_behind_and_can_be_repeated(empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE outbox (in_the_way int)"))

    with pytest.raises(DBAPIError, match="outbox"):
        upgrade(empty)

    with empty.begin() as connection:
        tables = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        )
        assert set(tables.scalars()) <= {"outbox", "alembic_version"}
        connection.execute(text("DROP TABLE outbox"))
    assert upgrade(empty) == head()


def test_events_cannot_be_rewritten(upgraded: Engine) -> None:
    with upgraded.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO change_requests (id, document, repo, branch, fingerprint, state,"
                " priority, source) VALUES (gen_random_uuid(), '{}', 'r', 'b', 'f', 'RECEIVED',"
                " 5, 'cli')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO events (request_id, who, kind, why)"
                " SELECT id, 'cli', 'note', 'as it was' FROM change_requests"
            )
        )

    with pytest.raises(DBAPIError, match="append-only"), upgraded.begin() as connection:
        connection.execute(text("UPDATE events SET why = 'as we wish it had been'"))

    with upgraded.begin() as connection:
        assert connection.execute(text("SELECT why FROM events")).scalars().all() == ["as it was"]
