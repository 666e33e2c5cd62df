"""How much work each pool has: what an autoscaler outside of the farm asks.

The broker knows only what waits in it: work that a worker holds would be invisible, and a host that
runs it could be taken away. PostgreSQL knows both.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from selfheal.contracts.names import POOLS, Pool

_POOL_ROWS = ", ".join(f"('{pool}')" for pool in POOLS)

VIEW = f"""
CREATE VIEW backlog AS
SELECT pools.pool,
    coalesce(waiting.messages, 0) AS ready,
    coalesce(living.attempts, 0) AS running,
    coalesce(extract(epoch FROM clock_timestamp() - waiting.oldest), 0)::double precision
        AS oldest_age_seconds,
    coalesce(waiting.messages, 0) + coalesce(living.attempts, 0) AS wanted
FROM (VALUES {_POOL_ROWS}) AS pools (pool)
LEFT JOIN (
    SELECT pool, count(*) AS messages, min(not_before) AS oldest
    FROM outbox WHERE received_at IS NULL AND not_before <= clock_timestamp() GROUP BY pool
) AS waiting ON waiting.pool = pools.pool
LEFT JOIN (
    SELECT outbox.pool, count(*) AS attempts
    FROM attempts JOIN outbox ON outbox.message_id = attempts.message_id
    WHERE attempts.ended_at IS NULL GROUP BY outbox.pool
) AS living ON living.pool = pools.pool
""".strip()
"""One row per pool; `wanted` is the number of children that would keep nothing waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """A pool's work: messages that nobody has begun, attempts that live, and their sum."""

    pool: Pool
    ready: int
    running: int
    oldest_age_seconds: float
    wanted: int


def of_pools(connection: Connection) -> dict[Pool, Backlog]:
    """The backlog of every pool."""
    rows = connection.execute(text("SELECT * FROM backlog"))
    return {row.pool: Backlog(**row._mapping) for row in rows}
