"""Leases against a model of them, and the proof that the model would notice each known mistake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg import Cursor
from sqlalchemy import Engine, TextClause, create_engine, text
from sqlalchemy.dialects.postgresql.psycopg import dialect as psycopg_dialect
from sqlalchemy.exc import SQLAlchemyError

from selfheal.contracts.plan import Symbol
from selfheal.errors import Fenced, LeaseConflict
from selfheal.leases import reservations, statements
from selfheal.leases.lease import Lease, Mode
from selfheal.store.database import Database

REPO = "https://example.org/shop.git"
ONE, TWO, OTHER = (UUID(int=number) for number in (1, 2, 3))
BRANCHES = {ONE: "main", TWO: "main", OTHER: "next"}
NAMES = ("shop.Cart", "shop.Cart.add", "shop.Cart.sum", "shop.Carton", "tax")

PLAN = st.sampled_from((ONE, TWO, ONE, TWO, OTHER))
PICK = st.integers(0, 7)
SHORT, FULL = 60, 600  # seconds; a lease that has less than half of FULL left is called aged
TTL = st.sampled_from((SHORT, FULL))
SOME_NAMES = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)

LAPSE = text("""
UPDATE leases SET expires_at = clock_timestamp() - interval '1 s'
WHERE plan_id = :plan_id AND state = 'held'
""")
SEE = text("""
SELECT id, branch, fq_name, mode, plan_id, token, state,
    CASE WHEN state <> 'held' THEN 'over'
         WHEN expires_at <= clock_timestamp() THEN 'lapsed'
         WHEN expires_at <= clock_timestamp() + interval '300 s' THEN 'aged'
         ELSE 'fresh' END AS life
FROM leases
""")


@dataclass
class Hold:
    """What the model knows of a lease; `life` is fresh, aged, lapsed or over."""

    id: UUID
    branch: str
    fq_name: str
    mode: str
    plan_id: UUID
    token: int
    state: str = "held"
    life: str = "aged"

    def renew(self, ttl: int) -> None:
        if ttl == FULL:
            self.life = "fresh"

    def end(self, state: str) -> None:
        self.state, self.life = state, "over"

    @property
    def live(self) -> bool:
        return self.life in ("fresh", "aged")


def overlap(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def symbol(name: str) -> Symbol:
    return Symbol(fq_name=name, kind="function", file_path="shop.py")


def holds_something(machine: LeaseMachine) -> bool:
    return any(hold.state == "held" for hold in machine.holds)


class LeaseMachine(RuleBasedStateMachine):
    """Two plans on one branch and one on another; time passes only where a rule says so."""

    def __init__(self, engine: Engine, *, blind: bool) -> None:
        super().__init__()
        self.engine, self.blind = engine, blind
        self.holds: list[Hold] = []

    @initialize()
    def begin_with_two(self) -> None:
        """Not from nothing: so that short runs get to conflicts too."""
        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM leases"))
        self._reserve(ONE, ["shop.Cart"], SHORT, mode="exclusive")
        self._reserve(TWO, ["shop.Carton"], SHORT, mode="shared")

    @rule(plan_id=PLAN, names=SOME_NAMES, ttl=TTL)
    def reserve(self, plan_id: UUID, names: list[str], ttl: int) -> None:
        self._reserve(plan_id, names, ttl, mode="exclusive")

    @rule(plan_id=PLAN, names=SOME_NAMES, ttl=TTL)
    def share(self, plan_id: UUID, names: list[str], ttl: int) -> None:
        self._reserve(plan_id, names, ttl, mode="shared")

    @rule(plan_id=PLAN, names=SOME_NAMES, ttl=TTL)
    def extend(self, plan_id: UUID, names: list[str], ttl: int) -> None:
        if any(hold.live and hold.plan_id == plan_id for hold in self.holds):
            self._reserve(plan_id, names, ttl, mode="exclusive", extend=True)
            return
        with self.engine.begin() as connection, pytest.raises(Fenced):
            reservations.extend(connection, plan_id, symbols=[symbol(name) for name in names])

    def _reserve(
        self,
        plan_id: UUID,
        names: list[str],
        ttl: int,
        *,
        mode: Mode,
        extend: bool = False,
    ) -> None:
        branch = BRANCHES[plan_id]
        in_the_way = [
            hold
            for hold in self.holds
            if hold.branch == branch and any(overlap(hold.fq_name, name) for name in names)
        ]
        blocked_by = {
            hold.fq_name
            for hold in in_the_way
            if hold.live and hold.plan_id != plan_id and "exclusive" in (hold.mode, mode)
        }
        wanted = [symbol(name) for name in names]

        with self.engine.begin() as connection:
            # The transaction goes on after a refusal, so what a refusal writes would stay.
            try:
                granted = (
                    reservations.extend(
                        connection, plan_id, symbols=wanted, mode=mode, ttl_seconds=ttl
                    )
                    if extend
                    else reservations.reserve(
                        connection,
                        repo=REPO,
                        branch=branch,
                        symbols=wanted,
                        plan_id=plan_id,
                        mode=mode,
                        ttl_seconds=ttl,
                    )
                )
            except LeaseConflict as conflict:
                assert conflict.symbol in blocked_by
                granted = ()
            else:
                assert not blocked_by

        if self.blind or not blocked_by:  # a look that refuses has not swept yet
            for hold in in_the_way:
                if hold.life == "lapsed":
                    hold.end("expired")
        if not blocked_by:
            assert [lease.symbol for lease in granted] == wanted
            assert {lease.mode for lease in granted} == {mode}
            self._take(granted, branch, ttl)

    def _take(self, granted: Sequence[Lease], branch: str, ttl: int) -> None:
        newest = max((hold.token for hold in self.holds), default=0)
        for lease in granted:
            name = lease.symbol.fq_name
            kept = self._find(lease.plan_id, branch, name, lease.mode)
            if kept is None:
                assert lease.token > newest
                hold = Hold(lease.id, branch, name, lease.mode, lease.plan_id, lease.token)
                self.holds.append(hold)
                hold.renew(ttl)
            else:
                assert (lease.id, lease.token) == (kept.id, kept.token)
                kept.renew(ttl)

    def _find(self, plan_id: UUID, branch: str, name: str, mode: str) -> Hold | None:
        key = (plan_id, branch, name, mode)
        return next(
            (h for h in self.holds if h.live and (h.plan_id, h.branch, h.fq_name, h.mode) == key),
            None,
        )

    @precondition(holds_something)
    @rule(pick=PICK, ttl=TTL)
    def renew(self, pick: int, ttl: int) -> None:
        plan_id = self._held(pick).plan_id
        with self.engine.begin() as connection:
            renewed = reservations.renew(connection, plan_id, ttl_seconds=ttl)

        live = [hold for hold in self.holds if hold.live and hold.plan_id == plan_id]
        assert renewed == len(live)
        for hold in live:
            hold.renew(ttl)

    @precondition(holds_something)
    @rule(pick=PICK)
    def claim(self, pick: int) -> None:
        hold = self._held(pick)

        assert not self._claims(hold, hold.token - 1)
        assert self._claims(hold, hold.token) == hold.live
        if hold.live:
            hold.end("claimed")
        assert not self._claims(hold, hold.token)

    def _claims(self, hold: Hold, token: int) -> bool:
        with self.engine.begin() as connection:
            try:
                reservations.claim(connection, hold.id, token, commit_sha="c0ffee")
            except Fenced:
                return False
        return True

    @precondition(holds_something)
    @rule(pick=PICK)
    def release(self, pick: int) -> None:
        plan_id = self._held(pick).plan_id
        with self.engine.begin() as connection:
            released = reservations.release(connection, plan_id)

        held = [hold for hold in self.holds if hold.state == "held" and hold.plan_id == plan_id]
        assert released == len(held)
        for hold in held:
            hold.end("released")

    @precondition(holds_something)
    @rule()
    def expire(self) -> None:
        with self.engine.begin() as connection:
            expired = reservations.expire(connection)

        lapsed = [hold for hold in self.holds if hold.life == "lapsed"]
        assert {lease.id for lease in expired} == {hold.id for hold in lapsed}
        for hold in lapsed:
            hold.end("expired")

    @precondition(holds_something)
    @rule(pick=PICK)
    def time_passes(self, pick: int) -> None:
        """As if all leases of one plan had been reserved long ago."""
        plan_id = self._held(pick).plan_id
        with self.engine.begin() as connection:
            connection.execute(LAPSE, {"plan_id": plan_id})
        for hold in self.holds:
            if hold.live and hold.plan_id == plan_id:
                hold.life = "lapsed"

    def _held(self, pick: int) -> Hold:
        held = [hold for hold in self.holds if hold.state == "held"]
        return held[pick % len(held)]

    @invariant()
    def the_table_is_as_the_model_says(self) -> None:
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            found = {row.id: Hold(**row._mapping) for row in connection.execute(SEE)}
        assert found == {hold.id: hold for hold in self.holds}

    @invariant()
    def no_two_plans_hold_what_overlaps(self) -> None:
        live = [hold for hold in self.holds if hold.live]
        assert not [
            (one, other)
            for one in live
            for other in live
            if one.plan_id != other.plan_id
            and one.branch == other.branch
            and overlap(one.fq_name, other.fq_name)
            and "exclusive" in (one.mode, other.mode)
        ]

    def teardown(self) -> None:
        with self.engine.begin() as connection:
            held = {plan: reservations.held_by(connection, plan) for plan in BRANCHES}
            live = {
                branch: reservations.live(connection, repo=REPO, branch=branch)
                for branch in ("main", "next")
            }

        assert [[lease.token for lease in held[plan]] for plan in held] == [
            [hold.token for hold in self.holds if hold.live and hold.plan_id == plan]
            for plan in held
        ]
        assert [[lease.token for lease in live[branch]] for branch in live] == [
            [hold.token for hold in self.holds if hold.live and hold.branch == branch]
            for branch in live
        ]


BUDGET = settings(
    max_examples=70,
    stateful_step_count=30,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)
SMALL_BUDGET = settings(BUDGET, max_examples=30)  # for what only LOOK can do wrong


@dataclass(frozen=True)
class Mistake:
    """A statement in which `right` has become `wrong`."""

    statement: str | TextClause
    right: str
    wrong: str

    def change(self) -> tuple[str, str]:
        """The statement as it is sent, and as it is to be sent instead."""
        original = self.statement
        if isinstance(original, TextClause):
            original = str(original.compile(dialect=psycopg_dialect()))
        assert original.count(self.right) == 1, "the mistake is about SQL that has changed"
        return original, original.replace(self.right, self.wrong)


def mistaken_cursor(*mistakes: Mistake) -> type[Cursor[Any]]:
    """A cursor that sends the wrong statements instead of the right ones."""
    changes = dict(mistake.change() for mistake in mistakes)

    class MistakenCursor(Cursor[Any]):
        def execute(self, query: Any, *rest: Any, **how: Any) -> Any:
            return super().execute(changes.get(query, query), *rest, **how)

    return MistakenCursor


def run(database: Database, *mistakes: Mistake, blind: bool) -> None:
    """The model against leases that make `mistakes`; with LOOK seeing nothing, if `blind`."""
    if blind:
        mistakes += (Mistake(statements.LOOK, "LIMIT 1", "LIMIT 0"),)
    engine = create_engine(
        database.url,
        connect_args={
            "cursor_factory": mistaken_cursor(*mistakes),
            # Thousands of commits, and none that must outlive the test.
            "options": "-c synchronous_commit=off",
        },
    )
    try:
        run_state_machine_as_test(
            lambda: LeaseMachine(engine, blind=blind), settings=BUDGET if blind else SMALL_BUDGET
        )
    finally:
        engine.dispose()


QUICK_MISTAKES = 6
"""So many of them are looked for in every run, the others only in the long one."""

MISTAKES = {
    "the look sees what has lapsed": Mistake(
        statements.LOOK, "AND held.expires_at > clock_timestamp()", ""
    ),
    "the look sees the plan's own": Mistake(statements.LOOK, "AND held.plan_id <> %(plan_id)s", ""),
    "what lies below a symbol is not covered": Mistake(
        statements.TAKE, "BETWEEN reach.low AND reach.high", "= reach.low"
    ),
    "what lies above a symbol does not cover it": Mistake(
        statements.TAKE,
        "BETWEEN reach.low AND reach.high",
        "BETWEEN reach.low AND reach.high"
        " AND (reach.low <> reach.high OR reach.low = ANY(%(names)s))",
    ),
    "a symbol covers each name that begins like it": Mistake(
        statements.TAKE,
        "BETWEEN reach.low AND reach.high",
        "BETWEEN rtrim(reach.low, '.') AND reach.high || 'zzz'",
    ),
    "another branch is in the way": Mistake(
        statements.TAKE, "AND held.branch = %(branch)s AND held.state = 'held'", "AND true"
    ),
    "an ended lease is in the way": Mistake(statements.TAKE, "AND held.state = 'held'", ""),
    "an exclusive lease is granted beside a shared one": Mistake(
        statements.TAKE, "'exclusive' IN (held.mode, %(mode)s)", "held.mode = 'exclusive'"
    ),
    "a shared lease is granted beside an exclusive one": Mistake(
        statements.TAKE, "'exclusive' IN (held.mode, %(mode)s)", "%(mode)s = 'exclusive'"
    ),
    "two shared leases exclude each other": Mistake(
        statements.TAKE, "'exclusive' IN (held.mode, %(mode)s)", "true"
    ),
    "a plan is in its own way": Mistake(statements.TAKE, "held.plan_id <> %(plan_id)s", "true"),
    "what is free is granted though the rest is refused": Mistake(
        statements.TAKE,
        "WHERE NOT EXISTS (SELECT FROM blocking) AND fq_name",
        "WHERE fq_name NOT IN (SELECT fq_name FROM blocking) AND fq_name",
    ),
    "a refusal renews": Mistake(
        statements.TAKE, "AND NOT EXISTS (SELECT FROM blocking)\n        ORDER", "ORDER"
    ),
    "a shared lease is taken for an exclusive one": Mistake(
        statements.TAKE, "AND mine.mode = %(mode)s", ""
    ),
    "a lapsed lease stays in the way": Mistake(
        statements.EXPIRE_IN_THE_WAY, "held.expires_at <= clock_timestamp()", "false"
    ),
    "a live lease is swept aside": Mistake(
        statements.EXPIRE_IN_THE_WAY, "held.expires_at <= clock_timestamp()", "true"
    ),
    "any token claims": Mistake(statements.CLAIM, "AND token = %(token)s", ""),
    "a lapsed lease is claimed": Mistake(
        statements.CLAIM, "AND expires_at > clock_timestamp()", ""
    ),
    "a lease is claimed twice": Mistake(statements.CLAIM, "AND state = 'held'", ""),
    "a lapsed lease is revived": Mistake(
        statements.RENEW, "AND expires_at > clock_timestamp()", ""
    ),
    "a renewal gives no time": Mistake(
        statements.RENEW, "make_interval(secs => %(ttl_seconds)s)", "interval '0'"
    ),
    "a release ends the leases of all": Mistake(
        statements.RELEASE, "plan_id = %(plan_id)s", "true"
    ),
    "the sweep ends what is live": Mistake(
        statements.EXPIRE, "expires_at <= clock_timestamp()", "true"
    ),
}


def test_leases_behave_like_their_model(database: Database) -> None:
    run(database, blind=False)


@pytest.mark.slow
def test_the_look_before_the_lock_decides_nothing(database: Database) -> None:
    run(database, blind=True)


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(mistake, id=name, marks=[pytest.mark.slow] if number >= QUICK_MISTAKES else [])
        for number, (name, mistake) in enumerate(MISTAKES.items())
    ],
)
def test_the_model_notices_that(database: Database, mistake: Mistake) -> None:
    noticed = (AssertionError, LeaseConflict, Fenced, SQLAlchemyError, psycopg.Error)

    with pytest.raises(noticed):
        run(database, mistake, blind=mistake.statement is not statements.LOOK)
