"""The official client, with its own retries off."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from openai import OpenAI

from selfheal.testing.server import ReplayServer

Clients = Callable[..., OpenAI]


@pytest.fixture
def client_of() -> Iterator[Clients]:
    """`client_of(server)`: a client of this server, closed at the end."""
    clients: list[OpenAI] = []

    def make(server: ReplayServer, *, retries: int = 0, key: str = "any", patience: float = 60.0):
        client = OpenAI(base_url=server.url, api_key=key, max_retries=retries, timeout=patience)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
