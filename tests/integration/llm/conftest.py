"""A migrated database per test, scripted endpoints, and gateways to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import pytest
from asked_questions import SECRET
from scripted_endpoint import Endpoint, serving
from sqlalchemy import Row, create_engine, text

from selfheal.contracts.change_request import Budget, ChangeRequest
from selfheal.llm.gateway import Gateway
from selfheal.llm.patience import Patience
from selfheal.redaction import Redactor
from selfheal.settings import LlmSettings
from selfheal.store import migrate, requests
from selfheal.store.database import Database

QUICK = Patience(first_seconds=0.01, longest_seconds=0.02, poll_seconds=0.02)


@pytest.fixture(scope="session")
def migrated(fresh_database: Callable[..., str]) -> str:
    url = fresh_database()
    engine = create_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    return url


@pytest.fixture
def database(fresh_database: Callable[..., str], migrated: str) -> Iterator[Database]:
    opened = Database(fresh_database(template=migrated), pool_size=16)
    yield opened
    opened.close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving() as serves:
        yield serves


@pytest.fixture
def fallback() -> Iterator[Endpoint]:
    with serving() as serves:
        yield serves


@pytest.fixture
def gateway_to(database: Database) -> Iterator[Callable[..., Gateway]]:
    """`gateway_to(endpoint, fallback, tries=2)`: a chain of endpoints; the rest are settings."""
    with ExitStack() as opened:

        def make(first: Endpoint, *others: Endpoint, **settings: Any) -> Gateway:
            fallbacks = [
                {"name": f"fallback{number}", "base_url": other.url, "model": "small"}
                for number, other in enumerate(others, 1)
            ]
            chosen = LlmSettings.model_validate(
                {
                    "base_url": first.url,
                    "api_key": SECRET,
                    "model": "big",
                    "fallbacks": fallbacks,
                    "deadline_seconds": 30,
                    "max_tokens": 100,
                    **settings,
                }
            )
            redactor = Redactor([("LLM_API_KEY", SECRET)])
            return opened.enter_context(Gateway(chosen, database, redactor, patience=QUICK))

        yield make


@pytest.fixture
def request_with(database: Database) -> Callable[..., UUID]:
    """`request_with(tokens=1000)`: a ChangeRequest with these caps."""

    def make(**caps: float) -> UUID:
        request = ChangeRequest(
            repo="/r", description=f"{caps}", source="cli", budget=Budget(**caps)
        )
        with database.begin() as connection:
            return requests.accept(connection, request).id

    return make


@pytest.fixture
def calls(database: Database) -> Callable[[], list[Row[Any]]]:
    """The rows of all calls so far."""

    def read() -> list[Row[Any]]:
        with database.begin() as connection:
            return list(connection.execute(text("SELECT * FROM llm_calls ORDER BY id")))

    return read
