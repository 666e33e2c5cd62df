"""Leases among transactions that run at the same time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text

from selfheal.contracts.plan import Symbol
from selfheal.errors import Fenced, LeaseConflict, StoreUnavailable
from selfheal.leases import reservations
from selfheal.leases.lease import Lease, Mode
from selfheal.store.database import Database

HOT = tuple(
    name
    for module in ("shop.cart", "shop.order")
    for name in (module, f"{module}.C", f"{module}.C.add", f"{module}.C.sum")
)

OVERLAPS = text("""
WITH holds AS (
    SELECT *, tstzrange(reserved_at, ended_at) AS held FROM leases WHERE repo = :repo
)
SELECT one.fq_name, one.mode, one.held, other.fq_name, other.mode, other.held
FROM holds AS one JOIN holds AS other ON one.plan_id <> other.plan_id AND one.held && other.held
WHERE one.mode = 'exclusive'
  AND (starts_with(one.fq_name || '.', other.fq_name || '.')
       OR starts_with(other.fq_name || '.', one.fq_name || '.'))
""")


def reserve(
    connection: Connection,
    repo: str,
    plan_id: UUID,
    *names: str,
    mode: Mode = "exclusive",
    ttl: float = 600.0,
) -> tuple[Lease, ...]:
    symbols = [Symbol(fq_name=name, kind="function", file_path="shop.py") for name in names]
    return reservations.reserve(
        connection,
        repo=repo,
        branch="main",
        symbols=symbols,
        plan_id=plan_id,
        mode=mode,
        ttl_seconds=ttl,
    )


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited 20 s in vain"


def somebody_waits_for_a_branch(database: Database) -> bool:
    with database.begin() as connection:
        waiting = connection.execute(
            text(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        )
        return waiting.scalar_one() > 0


class Client:
    """One of many that reserve, let time pass, renew, claim and release, all at random."""

    def __init__(self, database: Database, repo: str, seed: int) -> None:
        self.database, self.repo = database, repo
        self.random = random.Random(seed)
        self.granted = self.refused = 0

    def run(self, rounds: int) -> Client:
        for _ in range(rounds):
            try:
                held = self._reserve(plan := uuid4())
            except LeaseConflict:
                self.refused += 1
            else:
                self.granted += 1
                self.random.choice((self._claim, self._release, self._lapse, self._extend))(
                    plan, held
                )
        return self

    def _reserve(self, plan: UUID) -> tuple[Lease, ...]:
        names = self.random.sample(HOT, 2)
        mode: Mode = self.random.choice(("exclusive", "exclusive", "shared"))
        transaction = self.random.choice((self.database.begin, self.database.statement))
        with transaction() as connection:
            return reserve(connection, self.repo, plan, *names, mode=mode)

    def _claim(self, plan: UUID, held: tuple[Lease, ...]) -> None:
        with self.database.begin() as connection:
            reservations.renew(connection, plan)
        with self.database.begin() as connection:
            for lease in held:
                reservations.claim(connection, lease.id, lease.token, commit_sha="c0ffee")

    def _release(self, plan: UUID, held: tuple[Lease, ...]) -> None:
        with self.database.begin() as connection:
            assert reservations.release(connection, plan) == len(held)

    def _lapse(self, plan: UUID, held: tuple[Lease, ...]) -> None:
        with self.database.begin() as connection:
            connection.execute(
                text(
                    "UPDATE leases SET expires_at = clock_timestamp() - interval '1 s'"
                    " WHERE plan_id = :plan AND state = 'held'"
                ),
                {"plan": plan},
            )
        with self.database.begin() as connection:
            reservations.expire(connection)
        with self.database.begin() as connection, pytest.raises(Fenced):
            reservations.claim(connection, held[0].id, held[0].token, commit_sha="c0ffee")

    def _extend(self, plan: UUID, held: tuple[Lease, ...]) -> None:
        symbols = [lease.symbol for lease in held]
        with self.database.begin() as connection:
            again = reservations.extend(connection, plan, symbols=symbols, mode=held[0].mode)
        assert [lease.token for lease in again] == [lease.token for lease in held]
        self._release(plan, held)


def test_eight_clients_on_hot_symbols_never_overlap_and_never_deadlock(database: Database) -> None:
    repo = f"https://example.org/{uuid4()}.git"
    clients = [Client(database, repo, seed) for seed in range(8)]

    with ThreadPoolExecutor(len(clients)) as threads:
        done = list(threads.map(lambda client: client.run(60), clients))

    assert sum(client.granted for client in done) > 50
    assert sum(client.refused for client in done) > 50
    with database.begin() as connection:
        assert connection.execute(OVERLAPS, {"repo": repo}).all() == []


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_a_reservation_waits_for_one_that_is_not_committed(database: Database, ending: str) -> None:
    repo, first, second = f"https://example.org/{uuid4()}.git", uuid4(), uuid4()

    def reserve_second() -> tuple[Lease, ...]:
        with database.begin() as connection:
            return reserve(connection, repo, second, "shop.Cart.add")

    with ThreadPoolExecutor(1) as thread, database.engine.connect() as connection:
        reserve(connection, repo, first, "shop.Cart")
        answer = thread.submit(reserve_second)
        wait_until(lambda: somebody_waits_for_a_branch(database))
        connection.commit() if ending == "commit" else connection.rollback()

        if ending == "commit":
            with pytest.raises(LeaseConflict, match=str(first)):
                answer.result()
        else:
            assert [lease.plan_id for lease in answer.result()] == [second]


def test_a_renewal_that_commits_late_keeps_its_lease(database: Database) -> None:
    repo, plan = f"https://example.org/{uuid4()}.git", uuid4()
    with database.begin() as connection:
        (lease,) = reserve(connection, repo, plan, "shop.Cart", ttl=1.5)

    with database.engine.connect() as renewing:
        assert reservations.renew(renewing, plan) == 1
        wait_until(lambda: seems_lapsed(database, lease.id))
        with database.begin() as other, pytest.raises(LeaseConflict):
            reserve(other, repo, uuid4(), "shop.Cart.add")
        with database.begin() as sweeping:
            assert lease.id not in {swept.id for swept in reservations.expire(sweeping)}
        renewing.commit()

    with database.begin() as other, pytest.raises(LeaseConflict):
        reserve(other, repo, uuid4(), "shop.Cart.add")
    with database.begin() as connection:
        reservations.claim(connection, lease.id, lease.token, commit_sha="c0ffee")


def seems_lapsed(database: Database, lease_id: UUID) -> bool:
    with database.begin() as connection:
        lapsed = connection.execute(
            text("SELECT expires_at <= clock_timestamp() FROM leases WHERE id = :id"),
            {"id": lease_id},
        )
        return bool(lapsed.scalar_one())


def test_a_renewal_behind_the_sweep_revives_nothing(database: Database) -> None:
    repo, plan = f"https://example.org/{uuid4()}.git", uuid4()
    with database.begin() as connection:
        (lease,) = reserve(connection, repo, plan, "shop.Cart", ttl=0.001)
    wait_until(lambda: seems_lapsed(database, lease.id))

    with database.engine.connect() as sweeping:
        assert lease.id in {swept.id for swept in reservations.expire(sweeping)}
        with database.begin() as connection:
            assert reservations.renew(connection, plan) == 0
        sweeping.commit()

    with database.begin() as connection:
        assert reservations.held_by(connection, plan) == ()


def test_a_reservation_that_waits_too_long_gives_up_and_leaves_the_connection_usable(
    database: Database,
) -> None:
    repo = f"https://example.org/{uuid4()}.git"
    hurried = Database(database.url, pool_size=1, statement_timeout=0.2)
    with database.engine.connect() as holding:
        reserve(holding, repo, uuid4(), "shop.Cart")
        with pytest.raises(StoreUnavailable, match="timeout"), hurried.begin() as connection:
            reserve(connection, repo, uuid4(), "shop.Cart")
        holding.rollback()

    with hurried.begin() as connection:
        assert reserve(connection, repo, uuid4(), "shop.Cart")
    hurried.close()


def test_a_reservation_outside_a_transaction_begins_one(database: Database) -> None:
    repo, plan = f"https://example.org/{uuid4()}.git", uuid4()

    with database.engine.connect() as connection:
        reserve(connection, repo, plan, "shop.Cart")
        connection.commit()

    with database.begin() as connection:
        assert [lease.plan_id for lease in reservations.held_by(connection, plan)] == [plan]


def test_a_reservation_that_commits_by_itself_is_one_transaction(database: Database) -> None:
    repo = f"https://example.org/{uuid4()}.git"
    with database.statement() as connection:
        reserve(connection, repo, uuid4(), "shop.Cart", ttl=0.001)
    wait_until(lambda: not live(database, repo))

    with database.statement() as connection:
        reserve(connection, repo, uuid4(), "shop.Cart.add", "shop.Cart.sum")

    assert [state for state, _ in written(database, repo)] == ["expired", "held", "held"]
    assert len({transaction for _, transaction in written(database, repo)}) == 1


def live(database: Database, repo: str) -> tuple[Lease, ...]:
    with database.begin() as connection:
        return reservations.live(connection, repo=repo, branch="main")


def written(database: Database, repo: str) -> list[tuple[str, str]]:
    """The state of each lease, and the transaction that wrote it, in the order of their tokens."""
    with database.begin() as connection:
        rows = connection.execute(
            text("SELECT state, xmin::text FROM leases WHERE repo = :repo ORDER BY token"),
            {"repo": repo},
        )
        return [(row.state, row.xmin) for row in rows]
