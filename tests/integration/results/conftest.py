"""Databases with the result tables and nothing else in them, as another project would have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import psycopg
import pytest
from celery import Celery
from kombu import Queue

from selfheal.results import migrate
from selfheal.results.backend import PostgresBackend
from selfheal.results.pool import Pool, conninfo


@pytest.fixture(scope="session")
def result_tables(fresh_database: Callable[..., str]) -> str:
    """The template: a database that nobody is connected to."""
    url = fresh_database()
    with psycopg.connect(conninfo(url)) as connection:
        migrate.upgrade(connection)
    return url


@pytest.fixture
def results_url(fresh_database: Callable[..., str], result_tables: str) -> str:
    """An upgraded database of this test, as `result_backend` names it."""
    return f"selfheal+{fresh_database(template=result_tables)}"


@pytest.fixture
def connections(results_url: str) -> Iterator[Pool]:
    """A pool of its own, closed after the test."""
    opened = Pool(results_url, size=8)
    yield opened
    opened.discard_idle()


@pytest.fixture
def backend_for(results_url: str, broker_url: str) -> Iterator[Callable[..., PostgresBackend]]:
    """Call it with Celery settings for a backend; its broker is a virtual host of this test."""
    made: list[PostgresBackend] = []

    def make(**settings: object) -> PostgresBackend:
        app = Celery("results", broker=broker_url, backend=results_url, set_as_current=False)
        app.conf.update(settings)
        backend = app.backend
        assert isinstance(backend, PostgresBackend)
        made.append(backend)
        return backend

    yield make
    for backend in made:
        backend.pool.discard_idle()
        backend.app.close()


@pytest.fixture
def backend(backend_for: Callable[..., PostgresBackend]) -> PostgresBackend:
    return backend_for()


@pytest.fixture
def sent(broker_url: str) -> Iterator[Callable[[], dict[str, list[object]]]]:
    """Call it for what was sent since the last time: first arguments by task id."""
    with Celery("reader", broker=broker_url, set_as_current=False) as app, app.connection() as link:
        queue = Queue("celery")(link.default_channel)
        queue.declare()

        def read() -> dict[str, list[object]]:
            found: dict[str, list[object]] = {}
            while message := queue.get(no_ack=True):
                arguments, _, _ = json.loads(message.body)
                found.setdefault(message.headers["id"], []).append(arguments[0])
            return found

        yield read
