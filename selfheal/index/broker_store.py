"""Derived data in the broker's Redis: graphs, which another host may want in the next minute.

Compressed, bounded in bytes and in age, and in nobody's way: a broker has messages to carry, so
what is here may go at any time, and a Redis that is away only means that nothing is known.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Final, Self, TypeVar, cast
from urllib.parse import parse_qs, urlsplit

from selfheal import late_log
from selfheal.index.index import Tally

if TYPE_CHECKING:
    from redis import Redis

MAX_BYTES: Final = 64 << 20
LARGEST_SHARE: Final = 4
"""One value may have a fourth of the bytes: a larger one would drive out all others."""
KEPT_SECONDS: Final = 3 * 86_400
"""After its last use: about as long as somebody plans on one commit."""

_UNPACKED_BYTES: Final = 256 << 20
_ANSWER_SECONDS: Final = 1.0
_LEFT_ALONE_SECONDS: Final = 10.0

# Braces: in a cluster all keys are in one slot, where a script may use them.
_PREFIX: Final = "{selfheal:derived}:"

# Values are strings that expire by themselves. Beside them `uses` says when each was last used and
# `sizes` how large it is. A script runs alone, so that of two that put at once neither passes the
# bound. What has expired is forgotten first, then what was not used for longest.
_PUT: Final = """
local uses, sizes, total = KEYS[1] .. 'uses', KEYS[1] .. 'sizes', KEYS[1] .. 'total'
local max, kept, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(redis.call('TIME')[1])
local function forget(names)
  for _, name in ipairs(names) do
    redis.call('DEL', KEYS[1] .. 'data:' .. name)
    redis.call('ZREM', uses, name)
    redis.call('DECRBY', total, redis.call('HGET', sizes, name) or 0)
    redis.call('HDEL', sizes, name)
  end
end
for index = 3, #ARGV, 2 do
  local name, data = ARGV[index], ARGV[index + 1]
  forget(redis.call('ZRANGEBYSCORE', uses, '-inf', now - kept))
  forget({name})
  while tonumber(redis.call('GET', total) or 0) + #data > max do
    local oldest = redis.call('ZRANGE', uses, 0, 0)
    if #oldest == 0 then break end
    forget(oldest)
  end
  redis.call('SET', KEYS[1] .. 'data:' .. name, data, 'EX', kept)
  redis.call('ZADD', uses, now, name)
  redis.call('HSET', sizes, name, #data)
  redis.call('INCRBY', total, #data)
end
for _, key in ipairs({uses, sizes, total}) do redis.call('EXPIRE', key, kept + 60) end
"""

_GET: Final = """
local kept, now, found = tonumber(ARGV[1]), tonumber(redis.call('TIME')[1]), {}
for index = 2, #ARGV do
  local data = redis.call('GET', KEYS[1] .. 'data:' .. ARGV[index])
  if data then
    redis.call('EXPIRE', KEYS[1] .. 'data:' .. ARGV[index], kept)
    redis.call('ZADD', KEYS[1] .. 'uses', 'XX', now, ARGV[index])
  end
  found[index - 1] = data
end
for _, name in ipairs({'uses', 'sizes', 'total'}) do
  redis.call('EXPIRE', KEYS[1] .. name, kept + 60)
end
return found
"""

Answer = TypeVar("Answer")


class BrokerStore:
    """A `BlobStore` of at most `max_bytes` in a Redis that is there for something else.

    `tally` counts what was known and what was not. Values are whatever bytes they are: nothing here
    reads them. Close it, or use it in a `with`.
    """

    def __init__(self, url: str, *, max_bytes: int = MAX_BYTES) -> None:
        self.tally = Tally()
        self._url = url
        self._max_bytes = max_bytes
        self._redis: Redis | None = None
        self._again_at = 0.0

    @classmethod
    def of_broker(cls, url: str, *, max_bytes: int = MAX_BYTES) -> Self | None:
        """The one in a Celery broker; None where the broker is no single Redis, or has no room."""
        opened = redis_url(url)
        return cls(opened, max_bytes=max_bytes) if opened and max_bytes else None

    def get_many(self, kind: str, blobs: Collection[str]) -> dict[str, bytes]:
        """As the protocol says."""
        found = self._found(kind, list(blobs)) if blobs else {}
        hits, misses = self.tally.hits + len(found), self.tally.misses + len(blobs) - len(found)
        self.tally = Tally(hits, misses)
        return found

    def known(self, kind: str, blobs: Collection[str]) -> set[str]:
        """As the protocol says."""
        asked = list(blobs)
        there = self._answered(lambda redis: _there(redis, [_name(kind, one) for one in asked]))
        return {blob for blob, known in zip(asked, there or [], strict=False) if known}

    def put_many(self, kind: str, derived: Mapping[str, bytes]) -> None:
        """As the protocol says; what is too large for its share is not kept."""
        packed = {_name(kind, blob): zlib.compress(data, 1) for blob, data in derived.items()}
        most = self._max_bytes // LARGEST_SHARE
        fitting = [
            one for name, data in packed.items() if len(data) <= most for one in (name, data)
        ]
        if fitting:
            self._answered(
                lambda redis: redis.eval(_PUT, 1, _PREFIX, self._max_bytes, KEPT_SECONDS, *fitting)
            )

    def close(self) -> None:
        """Close the connection; the next question opens it again."""
        if self._redis is not None:
            self._redis.close()
        self._redis = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _found(self, kind: str, blobs: list[str]) -> dict[str, bytes]:
        names = [_name(kind, blob) for blob in blobs]
        kept = self._answered(lambda redis: redis.eval(_GET, 1, _PREFIX, KEPT_SECONDS, *names))
        pairs = zip(blobs, cast("list[bytes | None]", kept or []), strict=False)
        unpacked = {blob: _unpacked(data) for blob, data in pairs if data is not None}
        return {blob: data for blob, data in unpacked.items() if data is not None}

    def _answered(self, ask: Callable[[Redis], Answer]) -> Answer | None:
        """What Redis answers; None where it does not, and for a while after that."""
        from redis.exceptions import RedisError

        if time.monotonic() < self._again_at:
            return None
        try:
            return ask(self._opened())
        except (RedisError, OSError, ValueError) as error:  # the last one: of an odd URL
            self._again_at = time.monotonic() + _LEFT_ALONE_SECONDS
            late_log.warning(
                f"The broker's Redis keeps no graphs for a while: {error}",
                action="index.broker_away",
            )
            return None

    def _opened(self) -> Redis:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        if self._redis is None:
            self._redis = Redis.from_url(
                self._url,
                socket_timeout=_ANSWER_SECONDS,
                socket_connect_timeout=_ANSWER_SECONDS,
                retry=Retry(NoBackoff(), 1),  # by itself it would try for seconds
            )
        return self._redis


def redis_url(url: str) -> str | None:
    """A Celery broker's URL as redis-py has it; None for what is no single Redis."""
    parts = urlsplit(url)
    if parts.scheme in ("redis", "rediss"):
        return url
    if parts.scheme == "redis+socket":
        number = parse_qs(parts.query).get("virtual_host", ["0"])[0]
        return f"unix://{parts.netloc}{parts.path}?db={number}"
    return None


def _there(redis: Redis, names: Collection[str]) -> list[int]:
    with redis.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.exists(f"{_PREFIX}data:{name}")
        return pipeline.execute()


def _name(kind: str, blob: str) -> str:
    return f"{kind}:{blob}"


def _unpacked(data: bytes) -> bytes | None:
    """The value; None for one that is broken, or larger than anything that we put there."""
    unpacking = zlib.decompressobj()
    try:
        unpacked = unpacking.decompress(data, _UNPACKED_BYTES)
    except zlib.error:
        return None
    return unpacked if unpacking.eof else None
