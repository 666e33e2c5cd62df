"""What a plan can count on when it reserves, claims and lets go."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text

from selfheal.contracts.plan import Symbol
from selfheal.errors import Fenced, LeaseConflict
from selfheal.leases import reservations
from selfheal.leases.lease import Lease, Mode
from selfheal.store.database import Database


def module(name: str) -> Symbol:
    return Symbol(fq_name=name, kind="module", file_path=f"{name.replace('.', '/')}.py")


def function(name: str) -> Symbol:
    parent = module(name.rpartition(".")[0])
    return Symbol(fq_name=name, kind="function", file_path=parent.file_path)


class Shop:
    """One branch of one repository, of its own in each test."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.repo = f"https://example.org/{uuid4()}.git"

    def reserve(
        self, plan_id: UUID, *symbols: Symbol, mode: Mode = "exclusive", ttl: float = 600.0
    ) -> tuple[Lease, ...]:
        with self.database.begin() as connection:
            return reservations.reserve(
                connection,
                repo=self.repo,
                branch="main",
                symbols=symbols,
                plan_id=plan_id,
                mode=mode,
                ttl_seconds=ttl,
            )

    def live(self) -> set[tuple[str, UUID]]:
        with self.database.begin() as connection:
            rows = reservations.live(connection, repo=self.repo, branch="main")
        return {(lease.symbol.fq_name, lease.plan_id) for lease in rows}

    def states(self) -> list[str]:
        """Of every lease there ever was, oldest first."""
        with self.database.begin() as connection:
            return list(
                connection.execute(
                    text("SELECT state FROM leases WHERE repo = :repo ORDER BY token"),
                    {"repo": self.repo},
                ).scalars()
            )

    def let_time_pass(self) -> None:
        """Past the expiry of every lease of now."""
        with self.database.begin() as connection:
            connection.execute(
                text(
                    "UPDATE leases SET expires_at = clock_timestamp() - interval '1 s'"
                    " WHERE repo = :repo"
                ),
                {"repo": self.repo},
            )


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database)


def test_a_lease_says_what_is_held_by_whom_and_until_when(shop: Shop) -> None:
    plan = uuid4()

    (lease,) = shop.reserve(plan, function("shop.pay"), ttl=90)

    assert lease.plan_id == plan
    assert lease.symbol == function("shop.pay")
    assert lease.mode == "exclusive"
    assert lease.expires_at.tzinfo is not None
    assert 89 < (lease.expires_at - lease.reserved_at).total_seconds() < 91


def test_leases_come_in_the_order_of_the_symbols_and_once_each(shop: Shop) -> None:
    symbols = [function("shop.pay"), function("shop.add"), function("shop.pay")]

    granted = shop.reserve(uuid4(), *symbols)

    assert [lease.symbol.fq_name for lease in granted] == ["shop.pay", "shop.add"]


def test_no_symbols_are_reserved_without_asking_the_database(shop: Shop) -> None:
    assert shop.reserve(uuid4()) == ()


def test_a_conflict_names_the_symbol_the_holder_since_when_and_until_when(shop: Shop) -> None:
    holder = uuid4()
    (held,) = shop.reserve(holder, function("shop.pay"))

    with pytest.raises(LeaseConflict) as conflict:
        shop.reserve(uuid4(), function("shop.add"), function("shop.pay"))

    assert conflict.value.symbol == "shop.pay"
    assert conflict.value.plan_id == str(holder)
    assert conflict.value.since == held.reserved_at.isoformat(timespec="seconds")
    assert conflict.value.expires == held.expires_at.isoformat(timespec="seconds")
    assert conflict.value.retryable


def test_a_refused_plan_holds_nothing(shop: Shop) -> None:
    holder = uuid4()
    shop.reserve(holder, function("shop.pay"))

    with pytest.raises(LeaseConflict):
        shop.reserve(uuid4(), function("shop.add"), function("shop.pay"), function("shop.zip"))

    assert shop.live() == {("shop.pay", holder)}


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ("shop", "shop.cart.Cart.add"),
        ("shop.cart.Cart.add", "shop"),
        ("shop.cart.Cart", "shop.cart.Cart.add"),
        ("shop.cart.Cart.add", "shop.cart.Cart"),
        ("größe", "größe.maß"),
    ],
)
def test_a_name_covers_what_lies_below_it(shop: Shop, held: str, wanted: str) -> None:
    shop.reserve(uuid4(), module(held))

    with pytest.raises(LeaseConflict) as conflict:
        shop.reserve(uuid4(), module(wanted))

    assert conflict.value.symbol == held


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ("shop.Cart", "shop.Carton"),
        ("shop.Cart", "shop.Cart_"),
        ("shop.Cart", "shop.Cart-old"),
        ("shop.Cart", "shop.Cart/old"),
        ("shop.Cart.add", "shop.Cart.sum"),
        ("shop.a_b", "shop.aXb.c"),
        ("shop.100%", "shop.100x.c"),
    ],
)
def test_a_name_covers_nothing_that_only_begins_like_it(shop: Shop, held: str, wanted: str) -> None:
    one, other = uuid4(), uuid4()
    shop.reserve(one, module(held))

    shop.reserve(other, module(wanted))

    assert shop.live() == {(held, one), (wanted, other)}


def test_readers_share_and_a_writer_waits_for_all_of_them(shop: Shop) -> None:
    readers, writer = (uuid4(), uuid4()), uuid4()
    for reader in readers:
        shop.reserve(reader, function("shop.pay"), mode="shared")

    with pytest.raises(LeaseConflict):
        shop.reserve(writer, function("shop.pay"))
    with shop.database.begin() as connection:
        reservations.release(connection, readers[0])
    with pytest.raises(LeaseConflict):
        shop.reserve(writer, function("shop.pay"))
    with shop.database.begin() as connection:
        reservations.release(connection, readers[1])
    shop.reserve(writer, function("shop.pay"))

    assert shop.live() == {("shop.pay", writer)}


def test_the_only_reader_may_become_the_writer(shop: Shop) -> None:
    plan = uuid4()
    (reading,) = shop.reserve(plan, function("shop.pay"), mode="shared")

    (writing,) = shop.reserve(plan, function("shop.pay"))

    assert writing.mode == "exclusive"
    assert writing.token > reading.token


def test_reserving_again_gives_the_same_leases_with_more_time(shop: Shop) -> None:
    plan = uuid4()
    first = shop.reserve(plan, function("shop.pay"), ttl=60)

    again = shop.reserve(plan, function("shop.pay"), function("shop.add"), ttl=600)

    assert (again[0].id, again[0].token) == (first[0].id, first[0].token)
    assert again[0].expires_at > first[0].expires_at
    assert len(shop.states()) == 2


def test_a_shorter_time_takes_none_away(shop: Shop) -> None:
    plan = uuid4()
    (first,) = shop.reserve(plan, function("shop.pay"), ttl=600)

    (again,) = shop.reserve(plan, function("shop.pay"), ttl=60)

    assert again.expires_at == first.expires_at


def test_a_lapsed_lease_makes_way_and_its_token_is_worth_nothing(shop: Shop) -> None:
    slow, quick = uuid4(), uuid4()
    (lost,) = shop.reserve(slow, function("shop.pay"))
    shop.let_time_pass()

    (won,) = shop.reserve(quick, function("shop.pay"))

    assert won.token > lost.token
    assert shop.states() == ["expired", "held"]
    with shop.database.begin() as connection, pytest.raises(Fenced, match="expired with token"):
        reservations.claim(connection, lost.id, lost.token, commit_sha="c0ffee")


def test_a_plan_whose_leases_lapsed_gets_new_tokens(shop: Shop) -> None:
    plan = uuid4()
    (lost,) = shop.reserve(plan, function("shop.pay"))
    shop.let_time_pass()

    (won,) = shop.reserve(plan, function("shop.pay"))

    assert won.id != lost.id
    assert won.token > lost.token


def test_a_claim_needs_the_token_of_the_lease(shop: Shop) -> None:
    (lease,) = shop.reserve(uuid4(), function("shop.pay"))

    with shop.database.begin() as connection, pytest.raises(Fenced, match=f"token {lease.token}"):
        reservations.claim(connection, lease.id, lease.token + 1, commit_sha="c0ffee")
    with shop.database.begin() as connection, pytest.raises(Fenced, match="none with this id"):
        reservations.claim(connection, uuid4(), lease.token, commit_sha="c0ffee")

    assert shop.states() == ["held"]


def test_a_claimed_symbol_is_free_for_the_next_plan(shop: Shop) -> None:
    (lease,) = shop.reserve(uuid4(), function("shop.pay"))
    with shop.database.begin() as connection:
        reservations.claim(connection, lease.id, lease.token, commit_sha="c0ffee")

    shop.reserve(uuid4(), function("shop.pay"))

    assert shop.states() == ["claimed", "held"]


def test_renewal_gives_time_to_all_that_lives_and_counts_it(shop: Shop) -> None:
    plan = uuid4()
    shop.reserve(plan, function("shop.pay"))
    shop.let_time_pass()
    (living,) = shop.reserve(plan, function("shop.add"), ttl=60)

    with shop.database.begin() as connection:
        renewed = reservations.renew(connection, plan, ttl_seconds=600)
        held = reservations.held_by(connection, plan)

    assert renewed == 1
    assert [lease.symbol.fq_name for lease in held] == ["shop.add"]
    assert held[0].expires_at > living.expires_at


def test_an_extension_goes_where_the_plan_already_is(shop: Shop) -> None:
    plan = uuid4()
    shop.reserve(plan, function("shop.pay"))

    with shop.database.begin() as connection:
        reservations.extend(connection, plan, symbols=[function("shop.add")])

    assert shop.live() == {("shop.pay", plan), ("shop.add", plan)}


def test_a_plan_that_holds_nothing_cannot_extend(shop: Shop) -> None:
    plan = uuid4()
    shop.reserve(plan, function("shop.pay"))
    shop.let_time_pass()

    with shop.database.begin() as connection, pytest.raises(Fenced, match="reserve all"):
        reservations.extend(connection, plan, symbols=[function("shop.add")])


def test_the_sweep_returns_whose_leases_it_ended(shop: Shop) -> None:
    with shop.database.begin() as connection:
        reservations.expire(connection)
    lapsed = shop.reserve(uuid4(), function("shop.pay"), function("shop.add"))
    shop.let_time_pass()
    shop.reserve(uuid4(), function("shop.zip"))

    with shop.database.begin() as connection:
        ended = reservations.expire(connection)

    assert {(lease.id, lease.plan_id) for lease in ended} == {
        (lease.id, lease.plan_id) for lease in lapsed
    }
    assert shop.states() == ["expired", "expired", "held"]


def test_other_branches_and_repositories_are_not_in_the_way(shop: Shop) -> None:
    shop.reserve(uuid4(), function("shop.pay"))

    with shop.database.begin() as connection:
        for repo, branch in ((shop.repo, "next"), (f"{shop.repo}/fork", "main")):
            assert reservations.reserve(
                connection,
                repo=repo,
                branch=branch,
                symbols=[function("shop.pay")],
                plan_id=uuid4(),
            )


def test_the_index_refuses_two_exclusive_holders_whoever_writes_them(shop: Shop) -> None:
    def write(connection: Connection) -> None:
        connection.execute(
            text(
                "INSERT INTO leases"
                " (repo, branch, fq_name, kind, file_path, mode, plan_id, expires_at)"
                " VALUES (:repo, 'main', 'shop.pay', 'function', 'shop.py', 'exclusive',"
                " gen_random_uuid(), clock_timestamp() + interval '1 h')"
            ),
            {"repo": shop.repo},
        )

    with shop.database.begin() as connection:
        write(connection)

    with pytest.raises(Exception, match="one_exclusive_holder"), shop.database.begin() as again:
        write(again)
