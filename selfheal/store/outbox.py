"""The outbox: what must be sent, written in the transaction that made it true."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4, uuid5

from sqlalchemy import Connection, text

from selfheal.contracts.names import CODE_PLAN, ROUTES, Pool
from selfheal.store.database import Row, run

CLAIM_SECONDS = 5.0
"""How long a sender has for what it claimed; after that another one sends it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to a pool. It carries ids only: `message_id` and the subject's.

    `parent_id` is the message whose work led to this one; a chord's header and body have the same.
    A header's group is its round.
    """

    message_id: UUID
    task_name: str
    pool: Pool
    subject_id: UUID
    urgency: int
    request_id: UUID | None = None
    parent_id: UUID | None = None
    group_id: UUID | None = None
    group_index: int | None = None


def message_of(task_name: str, subject_id: UUID) -> UUID:
    """The id under which a piece of work is sent first: known, and frozen, before it is sent."""
    return uuid5(subject_id, task_name)


def put(
    connection: Connection,
    task_name: str,
    subject_id: UUID,
    *,
    request_id: UUID | None,
    message_id: UUID | None = None,
    urgency: int = 0,
    pool: Pool | None = None,
) -> None:
    """Write down that `task_name` must run on `subject_id`; the same `message_id` only once.

    `request_id` is None for what a schedule wants done. `pool` is where it goes when that depends
    on the subject.
    """
    _insert(
        connection,
        task_name,
        [(subject_id, message_id or message_of(task_name, subject_id), urgency)],
        request_id=request_id,
        pool=pool,
    )


def put_again(
    connection: Connection,
    task_name: str,
    subject_id: UUID,
    *,
    request_id: UUID,
    delay_seconds: float = 0.0,
) -> None:
    """The same work once more, as urgent, in the same pool, under an id of its own."""
    first = connection.execute(
        text("SELECT urgency, pool FROM outbox WHERE message_id = :first"),
        {"first": message_of(task_name, subject_id)},
    ).one_or_none()
    _insert(
        connection,
        task_name,
        [(subject_id, uuid4(), first.urgency if first else 0)],
        request_id=request_id,
        delay_seconds=delay_seconds,
        pool=first.pool if first else None,
    )


def put_all(
    connection: Connection,
    task_name: str,
    subjects: Sequence[tuple[UUID, int]],
    *,
    request_id: UUID,
    delay_seconds: float = 0.0,
) -> None:
    """`put` for many (subject, urgency) in one statement; none is sent before the delay is over."""
    rows = [(subject, message_of(task_name, subject), urgency) for subject, urgency in subjects]
    _insert(connection, task_name, rows, request_id=request_id, delay_seconds=delay_seconds)


def _insert(
    connection: Connection,
    task_name: str,
    rows: Sequence[tuple[UUID, UUID, int]],
    *,
    request_id: UUID | None,
    delay_seconds: float = 0.0,
    pool: Pool | None = None,
) -> None:
    run(
        connection,
        _INSERT,
        {
            "task_name": task_name,
            "pool": pool or ROUTES[task_name],
            "request_id": request_id,
            "delay": delay_seconds,
            "subjects": [subject for subject, _, _ in rows],
            "messages": [message for _, message, _ in rows],
            "urgencies": [urgency for _, _, urgency in rows],
        },
    )


_INSERT = """
INSERT INTO outbox
    (message_id, task_name, pool, subject_id, urgency, request_id, repo, not_before)
SELECT new.message_id, %(task_name)s, %(pool)s, new.subject_id, new.urgency, %(request_id)s,
    coalesce((SELECT repo FROM change_requests WHERE id = %(request_id)s), ''),
    clock_timestamp() + make_interval(secs => %(delay)s)
FROM unnest(
    CAST(%(subjects)s AS uuid[]), CAST(%(messages)s AS uuid[]), CAST(%(urgencies)s AS integer[])
) AS new(subject_id, message_id, urgency)
ON CONFLICT (message_id) DO NOTHING
"""


def claim_unsent(connection: Connection, *, limit: int, window: int) -> tuple[Message, ...]:
    """Take what is to be sent next, as long as fewer than `window` messages wait in its pool.

    Repositories take turns; within one the most urgent goes first. What is not sent yet can still
    be overtaken, so the window keeps most of a backlog here.
    Race closed: two senders at one row. SKIP LOCKED gives each row to one of them; a sender that
    dies leaves a claim that lapses, so the row is sent again under the same message id.
    """
    values = {"claim": CLAIM_SECONDS, "limit": limit, "window": window}
    rows = run(connection, _CLAIM, values).fetchall()
    return tuple(_message(row) for row in sorted(rows, key=lambda row: int(row["turn"])))


_OPEN = (
    "sent_at IS NULL AND received_at IS NULL AND not_before <= clock_timestamp()"
    " AND (claimed_until IS NULL OR claimed_until < clock_timestamp())"
)

# `queues` steps from one (pool, repo) to the next by the index ix_outbox_unsent, however many
# messages each has.
_CLAIM = f"""
WITH RECURSIVE queues(pool, repo) AS (
    (SELECT pool, repo FROM outbox WHERE sent_at IS NULL AND received_at IS NULL
     ORDER BY pool, repo LIMIT 1)
    UNION ALL
    SELECT next.pool, next.repo FROM queues CROSS JOIN LATERAL (
        SELECT pool, repo FROM outbox
        WHERE sent_at IS NULL AND received_at IS NULL
          AND (outbox.pool, outbox.repo) > (queues.pool, queues.repo)
        ORDER BY pool, repo LIMIT 1
    ) AS next
), room AS (
    SELECT pools.pool, %(window)s - (
        SELECT count(*) FROM outbox WHERE outbox.pool = pools.pool AND received_at IS NULL
        AND (sent_at IS NOT NULL OR claimed_until > clock_timestamp())
    ) AS free
    FROM (SELECT DISTINCT pool FROM queues) AS pools
), waiting AS (
    SELECT first.id, room.free,
        row_number() OVER (PARTITION BY pool, repo ORDER BY urgency DESC, first.id) AS round,
        pool, urgency
    FROM queues JOIN room USING (pool) CROSS JOIN LATERAL (
        SELECT id, urgency FROM outbox
        WHERE outbox.pool = queues.pool AND outbox.repo = queues.repo AND {_OPEN}
        ORDER BY urgency DESC, id LIMIT greatest(least(room.free, %(limit)s), 0)
    ) AS first
), turns AS (
    SELECT id, free, row_number() OVER (PARTITION BY pool ORDER BY round, urgency DESC, id) AS turn
    FROM waiting
), claimed AS (
    UPDATE outbox SET claimed_until = clock_timestamp() + make_interval(secs => %(claim)s)
    WHERE id IN (
        SELECT id FROM outbox
        WHERE id IN (SELECT id FROM turns WHERE turn <= free ORDER BY turn, id LIMIT %(limit)s)
          AND {_OPEN}
        ORDER BY id FOR UPDATE SKIP LOCKED
    )
    RETURNING id, message_id, task_name, pool, subject_id, urgency, request_id
)
SELECT claimed.*, turns.turn, task.round_id, task.position,
    coalesce(task.plan_id, round.plan_id) AS plan_id
FROM claimed JOIN turns USING (id)
LEFT JOIN coding_tasks AS task ON task.id = claimed.subject_id
LEFT JOIN rounds AS round ON round.id = claimed.subject_id
"""


def _message(row: Row) -> Message:
    return Message(
        message_id=row["message_id"],
        task_name=row["task_name"],
        pool=row["pool"],
        subject_id=row["subject_id"],
        urgency=row["urgency"],
        request_id=row["request_id"],
        parent_id=message_of(CODE_PLAN, row["plan_id"]) if row["plan_id"] else None,
        group_id=row["round_id"],
        group_index=row["position"],
    )


def mark_sent(connection: Connection, message_ids: Sequence[UUID]) -> None:
    """The broker has taken these."""
    if not message_ids:
        return
    run(connection, _MARK_SENT, {"ids": list(message_ids)})


_MARK_SENT = """
UPDATE outbox SET sent_at = clock_timestamp(), sends = sends + 1, claimed_until = NULL
WHERE message_id = ANY(%(ids)s)
"""


def unclaim(connection: Connection, message_ids: Sequence[UUID]) -> None:
    """The broker did not take these: anybody may try again at once."""
    if not message_ids:
        return
    connection.execute(
        text("UPDATE outbox SET claimed_until = NULL WHERE message_id = ANY(:ids)"),
        {"ids": list(message_ids)},
    )


def mark_received(connection: Connection, message_id: UUID) -> bool:
    """A worker has begun this message: it needs no more sending.

    True where this made room in a queue for which more waits: the caller is to flush.
    """
    row = run(connection, _MARK_RECEIVED, {"id": message_id}).fetchone()
    return row is not None and bool(row["room"])


_MARK_RECEIVED = """
UPDATE outbox AS begun SET received_at = clock_timestamp()
WHERE message_id = %(id)s AND received_at IS NULL
RETURNING EXISTS (
    SELECT FROM outbox AS next WHERE next.pool = begun.pool AND next.id <> begun.id
    AND next.sent_at IS NULL AND next.received_at IS NULL AND next.not_before <= clock_timestamp()
) AS room
"""


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
    lost = text(f"{_SEND_LOST_AGAIN} AND pool = :pool")
    return connection.execute(lost, {"pool": pool, "age": older_than}).rowcount


def send_one_again(connection: Connection, message_id: UUID, *, older_than: float) -> None:
    """The same for one message."""
    lost = text(f"{_SEND_LOST_AGAIN} AND message_id = :id")
    connection.execute(lost, {"id": message_id, "age": older_than})


_SEND_LOST_AGAIN = (
    "UPDATE outbox SET sent_at = NULL WHERE received_at IS NULL AND sent_at <"
    " clock_timestamp() - make_interval(secs => :age * power(2, least(sends, 8) - 1))"
)


def reopen(connection: Connection, message_ids: Iterable[UUID]) -> None:
    """Who began these died at it: they are to be sent again."""
    connection.execute(
        text(
            "UPDATE outbox SET received_at = NULL, sent_at = NULL, claimed_until = NULL"
            " WHERE message_id = ANY(:ids)"
        ),
        {"ids": list(message_ids)},
    )
