"""Servers for every test that needs them: started once, with nothing in the environment."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count, cycle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from selfheal.embedded.provider import Servers
    from selfheal.embedded.run_folder import RunFolder


@pytest.fixture(scope="session")
def run_folder() -> Iterator[RunFolder]:
    """The run folder of `servers`; its path is short enough for any socket in it."""
    from selfheal.embedded.run_folder import RunFolder

    path = Path(tempfile.mkdtemp(prefix="selfheal-tests-", dir="/tmp"))
    yield RunFolder.open(path)
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def servers(run_folder: RunFolder) -> Iterator[Servers]:
    """A PostgreSQL and a Valkey that run until the session ends."""
    from selfheal.embedded.provider import start_servers

    with start_servers(run_folder) as started:
        yield started


@pytest.fixture(scope="session")
def fresh_database(servers: Servers, run_folder: RunFolder) -> Iterator[Callable[..., str]]:
    """Call it for the URL of a new, empty database; `template=URL` copies another one instead.

    A template must have no open connection while it is copied.
    """
    import psycopg

    from selfheal.embedded.postgres import Postgres

    numbers = count(1)
    postgres = Postgres(run_folder)
    with psycopg.connect(_libpq(servers.database_url), autocommit=True) as connection:

        def create(*, template: str | None = None) -> str:
            name = f"test_{next(numbers)}"
            source = _database_name(template) if template else "template0"
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
            return postgres.database_url(name)

        yield create


@pytest.fixture(scope="module")
def database_url(fresh_database: Callable[..., str]) -> str:
    """An empty database of this test module."""
    return fresh_database()


@pytest.fixture(scope="session")
def _virtual_hosts() -> Iterator[int]:
    return cycle(range(1, 16))


@pytest.fixture
def broker_url(servers: Servers, run_folder: RunFolder, _virtual_hosts: Iterator[int]) -> str:
    """A virtual host of the broker with nothing in it."""
    import redis

    from selfheal.embedded.valkey import Valkey

    number = next(_virtual_hosts)
    valkey = Valkey(run_folder)
    with redis.Redis(unix_socket_path=str(valkey.socket), db=number) as client:
        client.flushdb()
    return valkey.virtual_host_url(number)


def _libpq(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _database_name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]
