"""What is kept in the broker's Redis is bounded, compressed, and in nobody's way."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from selfheal.index.broker_store import KEPT_SECONDS, BrokerStore, redis_url
from selfheal.index.index import Tally

GRAPHS = "graphs/1"
AA, BB, CC, DD, EE = (f"{number:040x}" for number in range(5))


@pytest.fixture
def opened(broker_url: str) -> Iterator[Callable[..., BrokerStore]]:
    """`opened(max_bytes=n)`: a store in the broker, closed at the end."""
    made: list[BrokerStore] = []

    def make(url: str = broker_url, *, max_bytes: int = 1 << 20) -> BrokerStore:
        store = BrokerStore.of_broker(url, max_bytes=max_bytes)
        assert store is not None
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()


@pytest.fixture
def inside(broker_url: str) -> Iterator[redis.Redis]:
    """The Redis itself."""
    with redis.Redis.from_url(str(redis_url(broker_url))) as client:
        yield client


def test_graphs_that_repeat_themselves_take_little(
    opened: Callable[..., BrokerStore], inside: redis.Redis
) -> None:
    opened().put_many(GRAPHS, {AA: b"calls " * 100_000})

    assert inside.memory_usage(f"{{selfheal:derived}}:data:{GRAPHS}:{AA}") < 20_000
    assert opened().get_many(GRAPHS, [AA]) == {AA: b"calls " * 100_000}


def test_what_was_not_used_for_longest_goes_when_there_is_no_room(
    opened: Callable[..., BrokerStore], inside: redis.Redis
) -> None:
    store = opened(max_bytes=4_500)
    for number, blob in enumerate((AA, BB, CC, DD)):
        store.put_many(GRAPHS, {blob: os.urandom(1_000)})
        inside.zadd("{selfheal:derived}:uses", {f"{GRAPHS}:{blob}": 1_900_000_000 + number})
    store.get_many(GRAPHS, [BB])
    inside.zadd("{selfheal:derived}:uses", {f"{GRAPHS}:{AA}": 2_000_000_000})

    store.put_many(GRAPHS, {EE: os.urandom(1_000)})

    assert store.known(GRAPHS, [AA, BB, CC, DD, EE]) == {AA, CC, DD, EE}
    assert int(inside.get("{selfheal:derived}:total") or 0) <= 4_500


def test_the_bound_holds_whoever_puts_at_once(
    opened: Callable[..., BrokerStore], inside: redis.Redis
) -> None:
    stores = [opened(max_bytes=20_000) for _ in range(4)]

    def fill(number: int) -> None:
        for one in range(25):
            stores[number].put_many(GRAPHS, {f"{number:020x}{one:020x}": os.urandom(1_500)})

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(fill, range(4)))

    kept = [inside.strlen(key) for key in inside.scan_iter("{selfheal:derived}:data:*")]
    assert 10_000 < sum(kept) <= 20_000
    assert sum(kept) == int(inside.get("{selfheal:derived}:total") or 0)


def test_what_would_drive_out_the_others_is_not_kept(opened: Callable[..., BrokerStore]) -> None:
    store = opened(max_bytes=4_000)
    store.put_many(GRAPHS, {AA: os.urandom(500)})

    store.put_many(GRAPHS, {BB: os.urandom(1_500)})

    assert store.known(GRAPHS, [AA, BB]) == {AA}


def test_everything_expires(opened: Callable[..., BrokerStore], inside: redis.Redis) -> None:
    opened().put_many(GRAPHS, {AA: b"one"})

    left = [inside.ttl(key) for key in inside.scan_iter("{selfheal:derived}:*")]

    assert len(left) == 4
    assert all(0 < seconds <= KEPT_SECONDS + 60 for seconds in left)


def test_what_has_expired_makes_room(
    opened: Callable[..., BrokerStore], inside: redis.Redis
) -> None:
    store = opened(max_bytes=4_500)
    for blob in (AA, BB, CC, DD):
        store.put_many(GRAPHS, {blob: os.urandom(1_000)})
    inside.delete(f"{{selfheal:derived}}:data:{GRAPHS}:{AA}")
    inside.zadd("{selfheal:derived}:uses", {f"{GRAPHS}:{AA}": 1_000_000_000})

    store.put_many(GRAPHS, {EE: os.urandom(1_000)})

    assert store.known(GRAPHS, [AA, BB, CC, DD, EE]) == {BB, CC, DD, EE}


def test_what_was_known_and_what_was_not_is_counted(opened: Callable[..., BrokerStore]) -> None:
    store = opened()
    store.put_many(GRAPHS, {AA: b"one"})

    store.get_many(GRAPHS, [AA, BB, CC])
    store.get_many(GRAPHS, [AA])

    assert store.tally == Tally(hits=2, misses=2)


@pytest.mark.parametrize("written", [b"", b"no zlib", b"\x78\x01cut"])
def test_what_somebody_else_wrote_is_not_known(
    opened: Callable[..., BrokerStore], inside: redis.Redis, written: bytes
) -> None:
    inside.set(f"{{selfheal:derived}}:data:{GRAPHS}:{AA}", written)

    assert opened().get_many(GRAPHS, [AA]) == {}


def test_a_redis_that_is_away_or_silent_knows_nothing(opened: Callable[..., BrokerStore]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        behind_silence = opened(f"redis://127.0.0.1:{port}/0")
        behind_silence.put_many(GRAPHS, {AA: b"one"})
        assert behind_silence.get_many(GRAPHS, [AA]) == {}
    away = opened(f"redis://127.0.0.1:{port}/0")

    assert away.known(GRAPHS, [AA]) == set()
    assert away.get_many(GRAPHS, [AA, BB]) == {}
    assert away.tally == Tally(hits=0, misses=2)


@pytest.mark.parametrize("url", ["amqp://localhost//", "sentinel://localhost:26379"])
def test_another_broker_keeps_no_graphs(url: str) -> None:
    assert BrokerStore.of_broker(url) is None


def test_a_bound_of_nothing_keeps_nothing(broker_url: str) -> None:
    assert BrokerStore.of_broker(broker_url, max_bytes=0) is None
