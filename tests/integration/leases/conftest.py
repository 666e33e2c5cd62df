"""A migrated database for tests of leases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from selfheal.store.database import Database
from selfheal.store.migrate import upgrade


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, pool_size=16)
    upgrade(database.engine)
    yield database
    database.close()
