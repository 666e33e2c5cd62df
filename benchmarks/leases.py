"""How many lease reservations a second, and how long one takes, on symbols that everybody wants.

    python benchmarks/leases.py [--seconds 60] [--clients 16] [--json]

Sixteen processes reserve three of twenty symbols at a time, on one branch, and release what they
got. Beside it, in slices of the same run, the simplest thing that could work: one row per symbol,
locked by SELECT ... FOR UPDATE in the order of names. It knows no covering names, no shared mode
and no history, so the ratio is what those cost. On both sides a reservation is a transaction by
itself, and so is a release: neither sends a BEGIN or a COMMIT. (The farm reserves in transactions
that write more, which costs it these two.) Starts its own PostgreSQL.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import quantiles
from uuid import UUID, uuid4

from psycopg.errors import DeadlockDetected
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

from selfheal.contracts.plan import Symbol
from selfheal.embedded.provider import start_servers
from selfheal.embedded.run_folder import RunFolder
from selfheal.errors import LeaseConflict, StoreUnavailable
from selfheal.leases import reservations
from selfheal.store.database import Database
from selfheal.store.migrate import upgrade

REPO, BRANCH = "https://example.org/shop.git", "main"
WANTED_AT_ONCE = 3
SLICES = 4  # alternating, so that a busy machine slows both sides alike

# Two modules, each with a class and eight methods: reserving one of the upper names shuts out many.
HOT = tuple(
    Symbol(fq_name=name, kind=kind, file_path=f"{module}.py")
    for module in ("cart", "order")
    for kind, name in (
        ("module", module),
        ("class", f"{module}.C"),
        *(("method", f"{module}.C.m{number}") for number in range(8)),
    )
)

HOLDS = (
    text("""
CREATE TEMPORARY TABLE holds AS
SELECT *, tstzrange(reserved_at, ended_at) AS held FROM leases WHERE mode = 'exclusive'
"""),
    # Few are held at one moment: without this every pair of a hundred thousand would be compared.
    text("CREATE INDEX ON holds USING gist (held)"),
    text("ANALYZE holds"),
)
OVERLAPS = text("""
SELECT count(*) FROM holds AS one JOIN holds AS other
    ON one.repo = other.repo AND one.branch = other.branch AND one.held && other.held
    AND one.plan_id < other.plan_id
    AND (starts_with(one.fq_name || '.', other.fq_name || '.')
         OR starts_with(other.fq_name || '.', one.fq_name || '.'))
""")


class Contender(ABC):
    """A way to hold several symbols for one plan: all of them or none."""

    name: str

    def __init__(self, database: Database) -> None:
        self.database = database

    @abstractmethod
    def reserve(self, plan_id: UUID, symbols: Sequence[Symbol]) -> bool: ...

    @abstractmethod
    def release(self, plan_id: UUID) -> None: ...


class Leases(Contender):
    """What the farm uses."""

    name = "leases"

    def reserve(self, plan_id: UUID, symbols: Sequence[Symbol]) -> bool:
        with self.database.statement() as connection:
            try:
                reservations.reserve(
                    connection, repo=REPO, branch=BRANCH, symbols=symbols, plan_id=plan_id
                )
            except LeaseConflict:
                return False
            return True

    def release(self, plan_id: UUID) -> None:
        with self.database.statement() as connection:
            reservations.release(connection, plan_id)


class RowPerSymbol(Contender):
    """The reference: a row per symbol that is always there, with its holder in it."""

    name = "row per symbol"

    CREATE = text(
        "CREATE TABLE holders (fq_name text PRIMARY KEY, plan_id uuid, expires_at timestamptz)"
    )
    FILL = text("INSERT INTO holders (fq_name) VALUES (:name)")
    TAKE = text("""
        WITH locked AS (
            SELECT plan_id IS NOT NULL AND expires_at > clock_timestamp() AS taken FROM holders
            WHERE fq_name = ANY(:names) ORDER BY fq_name FOR UPDATE
        )
        UPDATE holders SET plan_id = :plan_id, expires_at = clock_timestamp() + interval '600 s'
        WHERE fq_name = ANY(:names) AND NOT EXISTS (SELECT FROM locked WHERE taken)
    """)
    FREE = text(
        "UPDATE holders SET plan_id = NULL WHERE fq_name IN"
        " (SELECT fq_name FROM holders WHERE plan_id = :plan_id ORDER BY fq_name FOR UPDATE)"
    )

    @classmethod
    def prepare(cls, connection: Connection) -> None:
        connection.execute(cls.CREATE)
        connection.execute(cls.FILL, [{"name": symbol.fq_name} for symbol in HOT])

    def reserve(self, plan_id: UUID, symbols: Sequence[Symbol]) -> bool:
        names = [symbol.fq_name for symbol in symbols]
        with self.database.statement() as connection:
            taken = connection.execute(self.TAKE, {"names": names, "plan_id": plan_id})
            return taken.rowcount > 0

    def release(self, plan_id: UUID) -> None:
        with self.database.statement() as connection:
            connection.execute(self.FREE, {"plan_id": plan_id})


@dataclass
class Tally:
    """What clients met; latencies are the seconds that reservations took, commit included."""

    latencies: list[float] = field(default_factory=list)
    granted: int = 0
    refused: int = 0
    deadlocks: int = 0

    def add(self, other: Tally) -> None:
        self.latencies += other.latencies
        self.granted += other.granted
        self.refused += other.refused
        self.deadlocks += other.deadlocks


@dataclass(frozen=True)
class Figures:
    """One side's result."""

    attempts_per_second: float
    p50_ms: float
    p99_ms: float
    granted: int
    refused: int
    deadlocks: int

    @classmethod
    def of(cls, tally: Tally, seconds: float) -> Figures:
        cuts = quantiles(tally.latencies, n=100)
        return cls(
            attempts_per_second=round(len(tally.latencies) / seconds, 1),
            p50_ms=round(cuts[49] * 1000, 2),
            p99_ms=round(cuts[98] * 1000, 2),
            granted=tally.granted,
            refused=tally.refused,
            deadlocks=tally.deadlocks,
        )


def meet(barrier: Barrier) -> None:
    """Give each client process the place where all of them begin."""
    global _barrier
    _barrier = barrier


def client(contender: type[Contender], url: str, seed: int, seconds: float) -> Tally:
    """One client process: reserve and release until the time is over."""
    choose, tally, database = random.Random(seed), Tally(), Database(url, pool_size=1)
    side = contender(database)
    side.release(uuid4())  # connects before the clock runs
    _barrier.wait()
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        plan = uuid4()
        try:
            granted = side.reserve(plan, choose.sample(HOT, WANTED_AT_ONCE))
            tally.latencies.append(time.perf_counter() - begun)
            tally.granted += granted
            tally.refused += not granted
            if granted:
                side.release(plan)
        except StoreUnavailable as error:
            if not is_deadlock(error):
                raise
            tally.deadlocks += 1
    database.close()
    return tally


def is_deadlock(error: StoreUnavailable) -> bool:
    cause = error.__cause__
    return isinstance(cause, OperationalError) and isinstance(cause.orig, DeadlockDetected)


def run(url: str, clients: int, seconds: float) -> dict[type[Contender], Figures]:
    """Both sides in turn, `seconds` each."""
    tallies: dict[type[Contender], Tally] = {Leases: Tally(), RowPerSymbol: Tally()}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        clients, context, initializer=meet, initargs=(context.Barrier(clients),)
    ) as pool:
        for number in range(SLICES):
            for side, tally in tallies.items():
                futures = [
                    pool.submit(client, side, url, number * clients + seed, seconds / SLICES)
                    for seed in range(clients)
                ]
                for future in futures:
                    tally.add(future.result())
    return {side: Figures.of(tally, seconds) for side, tally in tallies.items()}


def benchmark(clients: int, seconds: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="selfheal-bench-") as place:
        folder = RunFolder.open(Path(place) / "run")
        with start_servers(folder) as servers:
            engine = create_engine(servers.database_url)
            upgrade(engine)
            with engine.begin() as connection:
                RowPerSymbol.prepare(connection)
            figures = run(servers.database_url, clients, seconds)
            with engine.begin() as connection:
                for statement in HOLDS:
                    connection.execute(statement)
                overlaps = connection.execute(OVERLAPS).scalar_one()
            engine.dispose()
    ours, reference = figures[Leases], figures[RowPerSymbol]
    return {
        "clients": clients,
        "symbols": len(HOT),
        "seconds": seconds,
        **{side.name: asdict(result) for side, result in figures.items()},
        "overlaps": overlaps,
        "ratio of attempts per second": round(
            ours.attempts_per_second / reference.attempts_per_second, 2
        ),
        "ratio of p99": round(ours.p99_ms / reference.p99_ms, 2),
    }


def show(result: dict[str, object]) -> None:
    for name, value in result.items():
        if isinstance(value, dict):
            print(name)
            for figure, amount in value.items():
                print(f"    {figure:24} {amount:>10,}")
        else:
            print(f"{name:28} {value:>10}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="for each side")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    result = benchmark(arguments.clients, arguments.seconds)
    print(json.dumps(result)) if arguments.json else show(result)


if __name__ == "__main__":
    main()
