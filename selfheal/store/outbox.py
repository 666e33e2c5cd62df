"""The outbox: what must be sent, written in the transaction that made it true."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from selfheal.contracts.names import ROUTES, Pool

CLAIM_SECONDS = 5.0
"""How long a sender has for what it claimed; after that another one sends it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to a pool. It carries ids only: `message_id` and the subject's."""

    message_id: UUID
    task_name: str
    pool: Pool
    subject_id: UUID
    urgency: int


def put(
    connection: Connection,
    task_name: str,
    subject_id: UUID,
    *,
    request_id: UUID,
    message_id: UUID | None = None,
    urgency: int = 0,
) -> None:
    """Write down that `task_name` must run on `subject_id`; the same `message_id` only once."""
    connection.execute(
        text(
            "INSERT INTO outbox (message_id, task_name, pool, subject_id, request_id, urgency)"
            " VALUES (:message_id, :task_name, :pool, :subject_id, :request_id, :urgency)"
            " ON CONFLICT (message_id) DO NOTHING"
        ),
        {
            "message_id": message_id or uuid4(),
            "task_name": task_name,
            "pool": ROUTES[task_name],
            "subject_id": subject_id,
            "request_id": request_id,
            "urgency": urgency,
        },
    )


def claim_unsent(connection: Connection, *, limit: int) -> tuple[Message, ...]:
    """Take what waits to be sent, most urgent first.

    Race closed: two senders at one row. SKIP LOCKED gives each row to one of them; a sender that
    dies leaves a claim that lapses, so the row is sent again under the same message id.
    """
    rows = connection.execute(
        text(
            "UPDATE outbox SET claimed_until = clock_timestamp() + make_interval(secs => :claim)"
            " WHERE id IN (SELECT id FROM outbox WHERE sent_at IS NULL AND received_at IS NULL"
            " AND (claimed_until IS NULL OR claimed_until < clock_timestamp())"
            " ORDER BY urgency DESC, id LIMIT :limit FOR UPDATE SKIP LOCKED)"
            " RETURNING id, message_id, task_name, pool, subject_id, urgency"
        ),
        {"claim": CLAIM_SECONDS, "limit": limit},
    )
    messages = sorted(rows, key=lambda row: (-row.urgency, row.id))
    return tuple(
        Message(
            message_id=row.message_id,
            task_name=row.task_name,
            pool=row.pool,
            subject_id=row.subject_id,
            urgency=row.urgency,
        )
        for row in messages
    )


def mark_sent(connection: Connection, message_ids: Iterable[UUID]) -> None:
    """The broker has taken these."""
    connection.execute(
        text(
            "UPDATE outbox SET sent_at = clock_timestamp(), sends = sends + 1,"
            " claimed_until = NULL WHERE message_id = ANY(:ids)"
        ),
        {"ids": list(message_ids)},
    )


def unclaim(connection: Connection, message_ids: Iterable[UUID]) -> None:
    """The broker did not take these: anybody may try again at once."""
    connection.execute(
        text("UPDATE outbox SET claimed_until = NULL WHERE message_id = ANY(:ids)"),
        {"ids": list(message_ids)},
    )


def mark_received(connection: Connection, message_id: UUID) -> None:
    """A worker has begun this message: it needs no more sending."""
    connection.execute(
        text(
            "UPDATE outbox SET received_at = clock_timestamp()"
            " WHERE message_id = :id AND received_at IS NULL"
        ),
        {"id": message_id},
    )


def withdraw(connection: Connection, request_id: UUID) -> None:
    """Nothing of this request needs sending any more."""
    connection.execute(
        text(
            "UPDATE outbox SET received_at = clock_timestamp()"
            " WHERE request_id = :id AND received_at IS NULL"
        ),
        {"id": request_id},
    )


def unreceived(connection: Connection, *, older_than: float) -> dict[Pool, int]:
    """Messages sent more than `older_than` seconds ago that nobody has begun, by pool."""
    rows = connection.execute(
        text(
            "SELECT pool, count(*) AS waiting FROM outbox WHERE received_at IS NULL"
            " AND sent_at < clock_timestamp() - make_interval(secs => :age) GROUP BY pool"
        ),
        {"age": older_than},
    )
    return {row.pool: row.waiting for row in rows}


def send_again(connection: Connection, pool: Pool, *, older_than: float) -> int:
    """Open the unreceived messages of `pool` for sending; returns how many.

    Each further send waits longer (doubling), so a queue that is merely long is not flooded.
    """
    reopened = connection.execute(
        text(
            "UPDATE outbox SET sent_at = NULL WHERE received_at IS NULL AND pool = :pool"
            " AND sent_at < clock_timestamp()"
            " - make_interval(secs => :age * power(2, least(sends, 8) - 1))"
        ),
        {"pool": pool, "age": older_than},
    )
    return reopened.rowcount
