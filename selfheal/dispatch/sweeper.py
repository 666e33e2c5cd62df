"""The sweeper: finds what died or got lost, and sends it again.

Any number of sweepers may run: each statement they share lets one of them have each row.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from selfheal.contracts.names import Pool
from selfheal.dispatch.sender import Sender, flush
from selfheal.errors import BrokerUnavailable
from selfheal.leases import reservations
from selfheal.settings import Settings
from selfheal.store import attempts, events, outbox
from selfheal.store.attempts import Attempt
from selfheal.store.database import Database

GiveUp = Callable[[Connection, Attempt], None]
"""What to write when a piece of work has killed its worker too often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one round of the sweeper did."""

    taken_over: int = 0
    given_up: int = 0
    sent: int = 0
    sent_again: int = 0
    given_back: int = 0
    leases_renewed: int = 0
    leases_expired: int = 0

    @property
    def anything(self) -> bool:
        """Whether there was anything but renewals to do."""
        return any(
            (self.taken_over, self.given_up, self.sent_again, self.given_back, self.leases_expired)
        )


class Sweeper:
    """One round after another of the same few looks, each in a short transaction of its own."""

    def __init__(
        self, database: Database, sender: Sender, settings: Settings, *, give_up: GiveUp
    ) -> None:
        self._database = database
        self._sender = sender
        self._settings = settings
        self._give_up = give_up
        self._gave_back = -math.inf

    def sweep(self) -> Swept:
        """One round; raises StoreUnavailable when the database does not answer."""
        taken_over, given_up = self._bury()
        again = self._send_lost_again()
        given_back = self._give_back()
        sent = flush(self._database, self._sender)
        renewed, expired = self._keep_leases()
        return Swept(
            taken_over=taken_over,
            given_up=given_up,
            sent=sent,
            sent_again=again,
            given_back=given_back,
            leases_renewed=renewed,
            leases_expired=expired,
        )

    def _bury(self) -> tuple[int, int]:
        """Dead attempts get a successor, or an end if too many have died at this work."""
        limit = self._settings.attempts.max_takeovers
        given_up = 0
        with self._database.begin() as connection:
            dead = attempts.bury_dead(
                connection, dead_after=self._settings.attempts.dead_after_seconds
            )
            for attempt in dead:
                deaths = attempts.count(connection, attempt.work, "lost")
                self._record_death(connection, attempt, deaths)
                if deaths > limit:
                    self._give_up(connection, attempt)
                    given_up += 1
                else:
                    self._send_successor(connection, attempt)
        return len(dead) - given_up, given_up

    def _send_successor(self, connection: Connection, attempt: Attempt) -> None:
        outbox.put_again(
            connection,
            attempt.work.name,
            attempt.work.subject_id,
            request_id=attempt.work.request_id,
        )

    def _record_death(self, connection: Connection, attempt: Attempt, deaths: int) -> None:
        events.record(
            connection,
            attempt.work.request_id,
            who="sweeper",
            kind="attempt",
            token=attempt.token,
            why=(
                f"{attempt.work.name}: {attempt.worker} gave no sign of life; "
                f"death {deaths} of at most {self._settings.attempts.max_takeovers}"
            ),
        )

    def _send_lost_again(self) -> int:
        """Messages that the broker no longer has and nobody began are opened for sending.

        Where fewer messages wait in the broker than the outbox knows of, some are lost: with the
        broker's data, or in the hands of a worker that died before it began. A message sent twice
        does no harm: its second copy finds the work begun.
        """
        age = self._settings.broker.resend_after_seconds
        with self._database.begin() as connection:
            waiting = outbox.unreceived(connection, older_than=age)
        lost = [pool for pool, count in waiting.items() if self._ready(pool, count) < count]
        with self._database.begin() as connection:
            return sum(outbox.send_again(connection, pool, older_than=age) for pool in lost)

    def _ready(self, pool: Pool, otherwise: int) -> int:
        try:
            return self._sender.ready(pool)
        except BrokerUnavailable:
            return otherwise

    def _give_back(self) -> int:
        """What a client sent and a worker died with, which no row of ours knows of.

        Not in each round: the broker is asked for all that its workers hold.
        """
        age = self._settings.broker.give_back_after_seconds
        if time.monotonic() - self._gave_back < age / 2:
            return 0
        self._gave_back = time.monotonic()
        try:
            return self._sender.give_back(older_than=age)
        except BrokerUnavailable:
            return 0

    def _keep_leases(self) -> tuple[int, int]:
        """Leases of open requests live on; lapsed ones end. (A request's end releases its own.)"""
        ttl = self._settings.leases.ttl_seconds
        with self._database.begin() as connection:
            due = connection.execute(_DUE_LEASES, {"soon": ttl * 2 / 3}).scalars().all()
            renewed = sum(reservations.renew(connection, plan, ttl_seconds=ttl) for plan in due)
            expired = len(reservations.expire(connection))
        return renewed, expired


_DUE_LEASES = text(
    "SELECT DISTINCT l.plan_id FROM leases l JOIN plans p ON p.id = l.plan_id"
    " JOIN change_requests c ON c.id = p.request_id WHERE l.state = 'held'"
    " AND c.ended_at IS NULL AND l.expires_at < clock_timestamp() + make_interval(secs => :soon)"
    " ORDER BY l.plan_id"  # in one order, so that two sweepers cannot wait for each other
)
