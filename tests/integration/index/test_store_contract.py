"""What every store of derived data promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from selfheal.index.broker_store import BrokerStore
from selfheal.index.disk import DiskStore
from selfheal.index.store import BlobStore, Layered, MemoryStore
from selfheal.store.blobs import SharedStore
from selfheal.store.database import Database

FACTS, OTHER = "facts/python/1", "facts/python/2"
BLOBS = [f"{number:040x}" for number in range(2000)]
AA, BB, CC = BLOBS[:3]


@pytest.fixture
def opened(
    tmp_path: Path, fresh_database: Callable[..., str], migrated: str, broker_url: str
) -> Iterator[Callable[[str], BlobStore]]:
    with ExitStack() as closing:

        def disk() -> DiskStore:
            return closing.enter_context(DiskStore(tmp_path))

        def shared() -> SharedStore:
            database = Database(fresh_database(template=migrated))
            closing.callback(database.close)
            return SharedStore(database)

        def broker() -> BrokerStore:
            store = BrokerStore.of_broker(broker_url)
            assert store is not None
            return closing.enter_context(store)

        ways: dict[str, Callable[[], BlobStore]] = {
            "memory": MemoryStore,
            "disk": disk,
            "shared": shared,
            "broker": broker,
            "layered": lambda: Layered(disk(), shared()),
        }
        yield lambda name: ways[name]()


@pytest.fixture(params=["memory", "disk", "shared", "broker", "layered"])
def store(request: pytest.FixtureRequest, opened: Callable[[str], BlobStore]) -> BlobStore:
    return opened(request.param)


def test_what_was_put_is_had_again_by_its_kind_and_blob(store: BlobStore) -> None:
    store.put_many(FACTS, {AA: b"one", BB: b"\0\xff"})
    store.put_many(OTHER, {AA: b"other"})

    assert store.get_many(FACTS, [AA, BB, CC]) == {AA: b"one", BB: b"\0\xff"}
    assert store.get_many(OTHER, [AA, BB]) == {AA: b"other"}
    assert store.get_many("facts/go/1", [AA]) == {}


def test_nothing_asked_and_nothing_put_is_no_error(store: BlobStore) -> None:
    store.put_many(FACTS, {})

    assert store.get_many(FACTS, []) == {}


def test_thousands_are_put_and_had_at_once(store: BlobStore) -> None:
    derived = {blob: blob.encode() * 10 for blob in BLOBS}

    store.put_many(FACTS, derived)

    assert store.get_many(FACTS, BLOBS) == derived


def test_the_same_may_be_put_twice(store: BlobStore) -> None:
    store.put_many(FACTS, {AA: b"one"})
    store.put_many(FACTS, {AA: b"one", BB: b"two"})

    assert store.get_many(FACTS, [AA, BB]) == {AA: b"one", BB: b"two"}


def test_an_empty_value_is_known(store: BlobStore) -> None:
    store.put_many(FACTS, {AA: b""})

    assert store.get_many(FACTS, [AA]) == {AA: b""}


def test_what_the_far_store_knows_is_near_afterwards() -> None:
    near, far = MemoryStore(), MemoryStore()
    far.put_many(FACTS, {AA: b"one"})

    found = Layered(near, far).get_many(FACTS, [AA])

    assert found == {AA: b"one"}
    assert near.get_many(FACTS, [AA]) == {AA: b"one"}
