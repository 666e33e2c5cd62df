"""A shop to search in, and a vector engine beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shop_origin import Shop

from selfheal.retrieval.qdrant import QdrantEngine
from tests.integration.qdrant_front import QdrantFront

KEY = "correct horse"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[QdrantFront]:
    with QdrantFront(tmp_path / "qdrant", api_key=KEY) as running:
        yield running


@pytest.fixture
def qdrant(front: QdrantFront) -> Iterator[QdrantEngine]:
    engine = QdrantEngine(front.url, api_key=KEY)
    yield engine
    engine.close()


@pytest.fixture
def named() -> Iterator[Callable[..., QdrantEngine]]:
    """`named(url)`: the engine of that server, closed at the end."""
    made: list[QdrantEngine] = []

    def make(url: str, *, api_key: str = KEY, seconds: float = 1.0) -> QdrantEngine:
        made.append(QdrantEngine(url, api_key=api_key, seconds=seconds))
        return made[-1]

    yield make
    for one in made:
        one.close()
