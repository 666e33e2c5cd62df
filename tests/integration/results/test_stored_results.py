"""Results as Celery writes and reads them."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from celery import Celery, states
from celery.app.task import Context
from celery.exceptions import ImproperlyConfigured
from celery.exceptions import TimeoutError as WaitedTooLong
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kombu.exceptions import EncodeError

from selfheal.errors import InvalidSettings, SchemaMismatch
from selfheal.results import migrate
from selfheal.results.backend import PostgresBackend
from selfheal.results.pool import Pool, conninfo, pool_for

Backends = Callable[..., PostgresBackend]
THREADS = 8


def new_id() -> str:
    return str(uuid4())


def test_a_result_comes_back_with_what_is_known_of_its_task(backend_for: Backends) -> None:
    backend = backend_for(result_extended=True)
    request = Context(
        id=new_id(),
        task="heal",
        args=["x"],
        kwargs={"deep": True},
        hostname="worker@here",
        retries=2,
        delivery_info={"routing_key": "coding"},
        root_id="root",
        parent_id="parent",
        stamps={"release": "7"},
        stamped_headers=["release"],
    )

    backend.store_result(request.id, {"pid": 1}, states.STARTED, request=request)
    started = backend.get_task_meta(request.id)
    backend.mark_as_done(request.id, [1, "ä"], request=request)
    meta = backend.get_task_meta(request.id)

    assert (started["status"], started["date_done"]) == ("STARTED", None)
    assert (meta["status"], meta["result"], meta["traceback"]) == ("SUCCESS", [1, "ä"], None)
    assert (meta["name"], meta["args"], meta["kwargs"]) == ("heal", ["x"], {"deep": True})
    assert (meta["worker"], meta["queue"], meta["retries"]) == ("worker@here", "coding", 2)
    assert (meta["root_id"], meta["parent_id"], meta["release"]) == ("root", "parent", "7")
    assert meta["started_at"] == started["started_at"] <= meta["date_done"]


def test_arguments_are_not_kept_unless_asked_for(backend: PostgresBackend) -> None:
    request = Context(id=new_id(), task="heal", args=["secret"], kwargs={})

    backend.mark_as_done(request.id, 1, request=request)

    assert backend.get_task_meta(request.id)["args"] is None


def test_an_exception_comes_back_with_its_traceback(backend: PostgresBackend) -> None:
    task_id = new_id()

    backend.mark_as_failure(task_id, KeyError("a", 2), traceback="line\0 one\ud800")

    error = backend.get_result(task_id)
    assert isinstance(error, KeyError) and error.args == ("a", 2)
    assert backend.get_traceback(task_id) == "line\\x00 one\\ud800"


def test_the_first_success_stays(backend: PostgresBackend) -> None:
    task_id = new_id()
    backend.mark_as_failure(task_id, ValueError("lost"))
    backend.mark_as_done(task_id, "first")

    backend.mark_as_done(task_id, "second")
    backend.mark_as_failure(task_id, ValueError("late"))
    backend.mark_as_started(task_id)

    assert backend.get_task_meta(task_id, cache=False)["result"] == "first"


def test_of_first_writers_at_once_none_fails(backend: PostgresBackend) -> None:
    ids = [new_id() for _ in range(20)]
    backend.max_retries = 0
    together = threading.Barrier(THREADS)

    def write(number: int) -> None:
        for task_id in ids:
            together.wait()
            backend.mark_as_done(task_id, number)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(write, range(THREADS)))

    assert all(backend.get_result(task_id) in range(THREADS) for task_id in ids)


# What JSON can say: dict keys are strings, and NaN is not equal to itself.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None, exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=VALUES)
def test_a_value_comes_back_as_it_was(backend: PostgresBackend, value: Any) -> None:
    task_id = new_id()

    backend.mark_as_done(task_id, value)

    assert repr_of(backend.get_result(task_id)) == repr_of(value)


def repr_of(value: Any) -> str:
    """Tells 1 from 1.0 and 0.0 from -0.0; JSONB keeps an object's keys in an order of its own."""
    if isinstance(value, dict):
        return repr({key: repr_of(value[key]) for key in sorted(value)})
    if isinstance(value, list):
        return repr([repr_of(one) for one in value])
    return repr(value)


def test_a_result_over_the_cap_is_refused_with_what_to_do(backend_for: Backends) -> None:
    backend = backend_for(result_backend_transport_options={"max_bytes": 1_000})

    with pytest.raises(EncodeError, match=r"is 1,102 bytes .* takes 1,000: store it elsewhere"):
        backend.mark_as_done(new_id(), "x" * 1_100)


def test_an_exception_over_the_cap_is_stored_all_the_same(backend_for: Backends) -> None:
    backend = backend_for(result_backend_transport_options={"max_bytes": 3_000})
    task_id = new_id()

    backend.mark_as_failure(task_id, ValueError("x" * 9_999), traceback="t" * 9_999)

    assert str(backend.get_result(task_id)).endswith("xx... (cut: more than 3,000 bytes)")
    assert len(backend.get_traceback(task_id)) == 3_000


def test_many_results_are_read_as_they_become_ready(backend: PostgresBackend) -> None:
    ids = [new_id() for _ in range(4)]
    for task_id in ids[:3]:
        backend.mark_as_done(task_id, task_id)

    def last() -> None:
        backend.mark_as_done(ids[3], ids[3])

    found = dict(backend.get_many(ids, timeout=20, interval=0.01, on_interval=last))

    assert {task_id: meta["result"] for task_id, meta in found.items()} == {one: one for one in ids}


def test_waiting_ends_with_celerys_own_error(backend: PostgresBackend) -> None:
    with pytest.raises(WaitedTooLong):
        backend.wait_for(new_id(), timeout=0.02)
    with pytest.raises(WaitedTooLong):
        list(backend.get_many([new_id()], timeout=0))


def test_a_forgotten_result_is_gone(backend: PostgresBackend) -> None:
    task_id = new_id()
    backend.mark_as_done(task_id, 1)
    assert backend.task_result_exists(task_id)

    backend.forget(task_id)

    assert not backend.task_result_exists(task_id)
    assert backend.get_state(task_id) == "PENDING"


def test_cleanup_keeps_what_its_state_allows(backend_for: Backends) -> None:
    backend = backend_for(result_expires=0.001, result_failure_expires=3600)
    done, failed, group_id = new_id(), new_id(), new_id()
    backend.mark_as_done(done, 1)
    backend.mark_as_failure(failed, ValueError())
    backend.save_group(group_id, backend.app.GroupResult(group_id, []))

    backend.cleanup()

    assert not backend.task_result_exists(done)
    assert backend.task_result_exists(failed)
    assert backend.restore_group(group_id, cache=False) is None


def test_cleanup_deletes_ended_chords_with_their_parts(backend_for: Backends) -> None:
    backend = backend_for(result_chord_expires=0.001)
    group_id = new_id()
    body = backend.app.signature("body")
    backend.apply_chord((group_id, []), body)
    request = Context(id=new_id(), group=group_id, group_index=0, chord=body, task="header")
    backend.mark_as_done(request.id, 1, request=request)

    backend.cleanup()  # ends the chord, for it is overdue
    backend.cleanup()

    for table in ("chords", "chord_parts"):
        assert backend.pool.count(f"SELECT FROM selfheal_results.{table}") == 0


def test_a_lost_connection_costs_a_retry_and_nothing_else(
    backend: PostgresBackend, results_url: str
) -> None:
    task_id = new_id()
    backend.mark_as_started(task_id)
    with psycopg.connect(conninfo(results_url), autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    backend.mark_as_done(task_id, 1)

    assert backend.get_result(task_id) == 1


def test_a_missing_table_names_the_command(fresh_database: Callable[..., str]) -> None:
    pool = Pool(fresh_database(), size=1)

    with pytest.raises(SchemaMismatch, match=r"`python -m selfheal\.results upgrade URL`"):
        pool.rows("SELECT FROM selfheal_results.results")

    pool.discard_idle()


def test_threads_and_their_backends_share_one_pool(results_url: str) -> None:
    app = Celery("threads", backend=results_url, set_as_current=False)
    app.conf.result_backend_transport_options = {"pool_size": 2}

    def store(number: int) -> tuple[int, Pool]:
        app.backend.mark_as_done(new_id(), number)
        return id(app.backend), app.backend.pool

    with ThreadPoolExecutor(THREADS) as threads:
        used = list(threads.map(store, range(200)))
        backends, pools = {backend for backend, _ in used}, {pool for _, pool in used}

    assert len(backends) > 1
    (pool,) = pools
    (row,) = pool.rows(
        "SELECT count(*) AS held FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'selfheal results'"
    )
    assert row["held"] <= 2
    pool.discard_idle()


def test_a_backend_is_pickled_without_its_connections(backend: PostgresBackend) -> None:
    backend.app.set_current()
    task_id = new_id()
    backend.mark_as_done(task_id, 1)

    copied = pickle.loads(pickle.dumps(backend))

    assert copied.get_result(task_id) == 1
    assert copied.pool is pool_for(backend.url, size=4)


@pytest.mark.parametrize("serializer", ["pickle", "yaml"])
def test_only_json_is_stored(results_url: str, serializer: str) -> None:
    app = Celery("other", backend=results_url, set_as_current=False)
    app.conf.result_serializer = serializer

    with pytest.raises(ImproperlyConfigured, match=f"'{serializer}', but this backend stores JSON"):
        app.backend  # noqa: B018


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"max_byte": 1}, "unknown 'max_byte'; known: max_bytes, pool_size, claim_seconds"),
        ({"pool_size": 0}, "pool_size is 0, not a number above 0"),
        ({"claim_seconds": "5"}, "claim_seconds is '5', not a number"),
    ],
)
def test_wrong_options_are_refused(
    backend_for: Backends, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=problem):
        backend_for(result_backend_transport_options=options)


def test_another_database_is_refused() -> None:
    app = Celery("other", backend="selfheal+mysql://localhost/x", set_as_current=False)

    with pytest.raises(InvalidSettings, match="starts with mysql://: expected one of"):
        app.backend  # noqa: B018


def test_upgrades_at_the_same_time_wait_for_each_other(fresh_database: Callable[..., str]) -> None:
    url = conninfo(fresh_database())

    def upgrade(_: int) -> int:
        with psycopg.connect(url) as connection:
            return migrate.upgrade(connection)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(upgrade, range(4))) == [migrate.newest()] * 4
    with psycopg.connect(url) as connection:
        assert migrate.current(connection) == migrate.newest()


def test_tables_of_newer_code_are_left_alone(results_url: str) -> None:
    with psycopg.connect(conninfo(results_url)) as connection:
        connection.execute("INSERT INTO selfheal_results.versions VALUES (99)")

        with pytest.raises(SchemaMismatch, match="version 99, newer than this code's"):
            migrate.upgrade(connection)
