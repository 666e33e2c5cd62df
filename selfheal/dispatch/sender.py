"""From the outbox to the broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol

from selfheal.contracts.names import Pool
from selfheal.errors import BrokerUnavailable
from selfheal.store import outbox
from selfheal.store.database import Database
from selfheal.store.outbox import Message

BATCH = 200
"""Rows claimed at once: small enough that sending them ends before the claim lapses."""


WINDOW = 4
"""Messages that may wait in one queue. Whoever begins one makes room for the next.

What is in a queue can no longer be overtaken by what is more urgent, or by another repository: with
500 of them a round took 1.15 times as long as it had to, with 4 of them 1.06 times
(`benchmarks/farm.py --only makespan`).
"""


class Sender(Protocol):
    """The broker, seen from here."""

    def send(self, message: Message) -> None:
        """Hand `message` to the broker; raises BrokerUnavailable."""

    def ready(self, pool: Pool) -> int:
        """Messages that wait in the queue of `pool`; raises BrokerUnavailable."""

    def give_back(self, *, older_than: float) -> int:
        """Queue again what no row stands behind and whose worker has kept it for so many seconds.

        Returns how many messages; raises BrokerUnavailable.
        """


class LateSender:
    """A sender that is made for its first message, by a process that may never have one."""

    def __init__(self, make: Callable[[], Sender]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Sender:
        return self._make()

    def send(self, message: Message) -> None:
        """As the protocol says."""
        self._made.send(message)

    def ready(self, pool: Pool) -> int:
        """As the protocol says."""
        return self._made.ready(pool)

    def give_back(self, *, older_than: float) -> int:
        """As the protocol says."""
        return self._made.give_back(older_than=older_than)


def flush(database: Database, sender: Sender, *, window: int = WINDOW) -> int:
    """Send what waits in the outbox; returns how many went. At most `window` wait in each queue.

    Never raises for the broker: what it does not take stays, and the sweeper tries again.
    """
    sent = 0
    with database.statement() as connection:
        while True:
            batch = outbox.claim_unsent(connection, limit=BATCH, window=window)
            taken = _send(sender, batch)
            outbox.mark_sent(connection, [message.message_id for message in batch[:taken]])
            outbox.unclaim(connection, [message.message_id for message in batch[taken:]])
            sent += taken
            if taken < BATCH:
                return sent


def _send(sender: Sender, batch: Sequence[Message]) -> int:
    for index, message in enumerate(batch):
        try:
            sender.send(message)
        except BrokerUnavailable:
            return index
    return len(batch)
