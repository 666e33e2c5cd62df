"""Database and broker operations, as the servers count them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Self

import psycopg
import redis

from selfheal.embedded.provider import Servers, start_servers
from selfheal.embedded.run_folder import RunFolder

EXTENSION = "pg_stat_statements"


@dataclass(frozen=True, slots=True)
class Operations:
    """Calls and milliseconds of execution by statement or command, transactions, log written.

    `cpu_ms` is what whole processes took, which also read, plan and answer.
    """

    statements: dict[str, float]
    statement_ms: dict[str, float]
    commands: dict[str, float]
    command_ms: dict[str, float]
    transactions: float
    written_bytes: float
    cpu_ms: dict[str, float]

    @classmethod
    def so_far(cls, servers: Servers, cpu_seconds: dict[str, float]) -> Self:
        """What the servers have counted since they were started, and CPU measured elsewhere."""
        statements, statement_ms = Counter[str](), Counter[str]()
        with psycopg.connect(_libpq(servers.database_url), autocommit=True) as connection:
            for query, calls, total in connection.execute(_STATEMENTS):
                statements[_short(query)] += calls
                statement_ms[_short(query)] += total
            transactions, written = connection.execute(_TOTALS).fetchone() or (0, 0)
        commands, command_ms = Counter[str](), Counter[str]()
        with redis.Redis.from_url(_redis(servers.broker_url)) as client:
            for name, stats in client.info("commandstats").items():
                commands[name.removeprefix("cmdstat_")] += stats["calls"]
                command_ms[name.removeprefix("cmdstat_")] += stats["usec"] / 1000
        return cls(
            dict(statements),
            dict(statement_ms),
            dict(commands),
            dict(command_ms),
            transactions,
            float(written),
            {name: 1000 * seconds for name, seconds in cpu_seconds.items()},
        )

    def since(self, before: Operations, *, tasks: int) -> Self:
        """What was done in between, per task."""

        def part(now: dict[str, float], then: dict[str, float]) -> dict[str, float]:
            return {name: (now[name] - then.get(name, 0)) / tasks for name in now}

        return type(self)(
            part(self.statements, before.statements),
            part(self.statement_ms, before.statement_ms),
            part(self.commands, before.commands),
            part(self.command_ms, before.command_ms),
            (self.transactions - before.transactions) / tasks,
            (self.written_bytes - before.written_bytes) / tasks,
            part(self.cpu_ms, before.cpu_ms),
        )


def count_statements(folder: RunFolder) -> None:
    """Let the run folder's PostgreSQL count statements from its next start on."""
    with (
        start_servers(folder) as servers,
        psycopg.connect(_libpq(servers.database_url), autocommit=True) as connection,
    ):
        connection.execute(f"ALTER SYSTEM SET shared_preload_libraries = '{EXTENSION}'")
        connection.execute(f"CREATE EXTENSION {EXTENSION}")


_STATEMENTS = f"SELECT query, calls, total_exec_time FROM {EXTENSION}"
_TOTALS = (
    "SELECT (SELECT xact_commit + xact_rollback FROM pg_stat_database"
    " WHERE datname = current_database()), pg_current_wal_lsn() - '0/0'::pg_lsn"
)


def _short(query: str) -> str:
    return " ".join(query.split())[:90]


def _libpq(url: str) -> str:
    return url.replace("+psycopg", "", 1)


def _redis(url: str) -> str:
    """kombu's name for a Unix socket, as redis-py has it."""
    return url.replace("redis+socket://", "unix://", 1).replace("virtual_host=", "db=", 1)
