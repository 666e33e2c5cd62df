"""A database with this code's schema, and the HTTP service in front of a farm of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine

from selfheal.store import migrate
from tests.integration.serving import Service, started


@pytest.fixture(scope="session")
def migrated(fresh_database: Callable[..., str]) -> str:
    """A template to copy: no connection to it is open."""
    url = fresh_database()
    engine = create_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    return url


@pytest.fixture
def service_with(
    fresh_database: Callable[..., str], migrated: str, broker_url: str
) -> Iterator[Callable[..., Service]]:
    """`service_with(max_streams=1)`: a service with these settings, stopped at the end."""
    running: list[Service] = []

    def start(**settings: Any) -> Service:
        url = fresh_database(template=migrated)
        running.append(started(url, broker_url, **settings))
        return running[-1]

    yield start
    for service in running:
        service.end()


@pytest.fixture
def service(service_with: Callable[..., Service]) -> Service:
    """The service as it is by default, with an empty database."""
    return service_with()
