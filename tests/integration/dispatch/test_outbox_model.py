"""The outbox against a model of it, and the proof that the model would notice known mistakes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal
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
from sqlalchemy import Engine, create_engine, text

from selfheal.contracts.names import CODE, ROUTES, TIDY
from selfheal.store import outbox
from selfheal.store.database import Database
from selfheal.store.outbox import message_of

WINDOW = 3
LIMIT = 2
OLD_SECONDS = 4.0
STEP_SECONDS = 6.0  # a claim lapses in one, a second send waits for two
PICK = st.integers(0, 20)
NAME = st.sampled_from((CODE, CODE, TIDY))

State = Literal["unsent", "claimed", "sent", "received"]

PASS = text("""
UPDATE outbox SET sent_at = sent_at - make_interval(secs => :s),
    claimed_until = claimed_until - make_interval(secs => :s)
""")
SEE = text("""
SELECT message_id, CASE WHEN received_at IS NOT NULL THEN 'received'
    WHEN sent_at IS NOT NULL THEN 'sent'
    WHEN claimed_until > clock_timestamp() THEN 'claimed' ELSE 'unsent' END AS state
FROM outbox
""")


@dataclass
class Known:
    """What the model knows of a message."""

    pool: str
    urgency: int
    state: State = "unsent"
    sends: int = 0
    age: float = 0.0

    @property
    def lost_for_long(self) -> bool:
        """Sent so long ago that it may go again; each time that takes twice as long."""
        patience = OLD_SECONDS * 2 ** (min(self.sends, 8) - 1)
        return self.state == "sent" and self.age > patience


@dataclass
class Sending:
    """A sender with its claim, between its two transactions."""

    ids: list[UUID] = field(default_factory=list)


class OutboxMachine(RuleBasedStateMachine):
    """Senders, a broker that forgets, workers and a sweeper; time passes only by a rule."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.known: dict[UUID, Known] = {}
        self.senders: list[Sending] = []
        self.broker: Counter[UUID] = Counter()

    @initialize()
    def begin_with_some(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM outbox"))
        for urgency in range(WINDOW + 2):
            self.put(CODE, urgency)

    @rule(name=NAME, urgency=st.integers(0, 3))
    def put(self, name: str, urgency: int) -> None:
        """Twice the same is once."""
        subject = UUID(int=len(self.known) + 1)  # the same in each replay, so the same order
        with self.engine.begin() as connection:
            for _ in range(2):
                outbox.put(connection, name, subject, request_id=None, urgency=urgency)
        self.known[message_of(name, subject)] = Known(ROUTES[name], urgency)

    @rule()
    def claim(self) -> None:
        with self.engine.begin() as connection:
            batch = outbox.claim_unsent(connection, limit=LIMIT, window=WINDOW)

        ids = [message.message_id for message in batch]
        assert all(self.known[one].state == "unsent" for one in ids), "not its own to send"
        assert len(ids) == min(LIMIT, sum(self._room(pool) for pool in {"coding", "sweeping"}))
        for pool in ("coding", "sweeping"):
            taken = [self.known[one].urgency for one in ids if self.known[one].pool == pool]
            left = [
                one.urgency
                for key, one in self.known.items()
                if one.pool == pool and one.state == "unsent" and key not in ids
            ]
            assert not taken or not left or min(taken) >= max(left), "the less urgent went first"
        for one in ids:
            self.known[one].state = "claimed"
        self.senders.append(Sending(ids))

    def _room(self, pool: str) -> int:
        states = Counter(one.state for one in self.known.values() if one.pool == pool)
        return min(states["unsent"], max(0, WINDOW - states["sent"] - states["claimed"]))

    @precondition(lambda self: self.senders)
    @rule(pick=PICK)
    def the_broker_takes_it(self, pick: int) -> None:
        sending = self.senders.pop(pick % len(self.senders))
        with self.engine.begin() as connection:
            outbox.mark_sent(connection, sending.ids)
        for one in sending.ids:
            self.broker[one] += 1
            known = self.known[one]
            known.sends, known.age = known.sends + 1, 0.0
            if known.state != "received":
                known.state = "sent"

    @precondition(lambda self: self.senders)
    @rule(pick=PICK)
    def the_broker_is_away(self, pick: int) -> None:
        sending = self.senders.pop(pick % len(self.senders))
        with self.engine.begin() as connection:
            outbox.unclaim(connection, sending.ids)
        for one in sending.ids:
            if self.known[one].state == "claimed":
                self.known[one].state = "unsent"

    @precondition(lambda self: self.senders)
    @rule(pick=PICK, handed_over=st.booleans())
    def the_sender_dies(self, pick: int, handed_over: bool) -> None:
        """Before the broker has its messages, or after that and before the rows say so."""
        sending = self.senders.pop(pick % len(self.senders))
        if handed_over:
            self.broker.update(sending.ids)

    @precondition(lambda self: self.broker)
    @rule(pick=PICK)
    def a_worker_begins(self, pick: int) -> None:
        one = sorted(self.broker)[pick % len(self.broker)]
        self.broker -= Counter([one])
        with self.engine.begin() as connection:
            room = outbox.mark_received(connection, one)
        first = self.known[one].state != "received"
        self.known[one].state = "received"
        more = any(
            other.pool == self.known[one].pool and other.state in ("unsent", "claimed")
            for other in self.known.values()
        )
        assert room == (first and more)

    @rule()
    def the_broker_forgets(self) -> None:
        self.broker.clear()

    @rule()
    def all_of_it_in_vain(self) -> None:
        """In one rule, so that short runs get to a second and third send."""
        self.claim()
        self.the_broker_takes_it(len(self.senders) - 1)
        self.the_broker_forgets()
        self.time_passes()
        self.the_sweeper_looks()

    @rule()
    def time_passes(self) -> None:
        self._pass(STEP_SECONDS)

    def _pass(self, seconds: float) -> None:
        with self.engine.begin() as connection:
            connection.execute(PASS, {"s": seconds})
        for one in self.known.values():
            one.age += seconds
            if one.state == "claimed":
                one.state = "unsent"

    @rule()
    def the_sweeper_looks(self) -> None:
        """As `selfheal.dispatch.sweeper` does."""
        with self.engine.begin() as connection:
            waiting = outbox.unreceived(connection, older_than=OLD_SECONDS)
        old = [one for one in self.known.values() if one.state == "sent" and one.age > OLD_SECONDS]
        assert waiting == Counter(one.pool for one in old)
        for pool, count in waiting.items():
            if sum(self.broker[one] for one in self.broker if self.known[one].pool == pool) < count:
                self._send_again(pool)

    def _send_again(self, pool: Any) -> None:
        with self.engine.begin() as connection:
            opened = outbox.send_again(connection, pool, older_than=OLD_SECONDS)
        lost = [one for one in self.known.values() if one.pool == pool and one.lost_for_long]
        assert opened == len(lost)
        for one in lost:
            one.state = "unsent"

    @invariant()
    def the_table_is_as_the_model_says(self) -> None:
        with self.engine.begin() as connection:
            found = [(row.message_id, row.state) for row in connection.execute(SEE)]
        assert sorted(found) == sorted((one, known.state) for one, known in self.known.items())

    def teardown(self) -> None:
        """With a broker that keeps what it is given, everything is begun in the end."""
        for _ in range(len(self.known) + 2):
            self._pass(1000.0)
            self.the_sweeper_looks()
            self.claim()
            self.the_broker_takes_it(len(self.senders) - 1)
            while self.broker:
                self.a_worker_begins(0)
        assert {one.state for one in self.known.values()} <= {"received"}


BUDGET = settings(
    max_examples=25,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)


@dataclass(frozen=True)
class Mistake:
    """In the statement that has `marker`, `right` has become `wrong`."""

    marker: str
    right: str
    wrong: str


def run(database: Database, *mistakes: Mistake, budget: settings = BUDGET) -> None:
    """The model against an outbox that makes `mistakes`."""
    made: set[Mistake] = set()

    class MistakenCursor(Cursor[Any]):
        def execute(self, query: Any, *rest: Any, **how: Any) -> Any:
            for mistake in mistakes:
                if isinstance(query, str) and mistake.marker in query:
                    assert mistake.right in query, "the mistake is about SQL that has changed"
                    query = query.replace(mistake.right, mistake.wrong)
                    made.add(mistake)
            return super().execute(query, *rest, **how)

    engine = create_engine(
        database.url,
        connect_args={
            "cursor_factory": MistakenCursor,
            # Thousands of commits, and none that must outlive the test.
            "options": "-c synchronous_commit=off",
        },
    )
    try:
        run_state_machine_as_test(lambda: OutboxMachine(engine), settings=budget)  # type: ignore[arg-type]
    finally:
        engine.dispose()
    assert made == {*mistakes}


CLAIM, SENT, AGAIN = "WITH RECURSIVE queues", "SET sent_at = clock_timestamp()", "power("

MISTAKES = {
    "two senders have the same message": Mistake(
        CLAIM, "AND (claimed_until IS NULL OR claimed_until < clock_timestamp())", ""
    ),
    "what was begun is sent again": Mistake(AGAIN, "WHERE received_at IS NULL AND", "WHERE"),
    "a dead sender keeps its claim": Mistake(CLAIM, "OR claimed_until < clock_timestamp()", ""),
    "what is on its way takes no room": Mistake(CLAIM, "sent_at IS NOT NULL OR", ""),
    "the less urgent goes first": Mistake(CLAIM, "urgency DESC", "urgency"),
    "a send is not noted": Mistake(SENT, "sends = sends + 1,", "sends = 1,"),
    "an early second look sends again": Mistake(AGAIN, "power(2", "power(1"),
    "the broker's refusal keeps the claim": Mistake(
        "SET claimed_until = NULL WHERE", "claimed_until = NULL", "sends = sends"
    ),
}


def test_the_outbox_behaves_like_its_model(database: Database) -> None:
    run(database)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_outbox_behaves_like_its_model_for_long(database: Database) -> None:
    run(database, budget=settings(BUDGET, max_examples=300, stateful_step_count=60))


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(mistake, id=name, marks=[pytest.mark.slow] if number >= 2 else [])
        for number, (name, mistake) in enumerate(MISTAKES.items())
    ],
)
def test_the_model_notices_that(database: Database, mistake: Mistake) -> None:
    with pytest.raises((AssertionError, psycopg.Error)) as noticed:
        run(database, mistake)

    assert "SQL that has changed" not in str(noticed.value)
