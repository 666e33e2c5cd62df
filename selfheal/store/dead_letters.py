"""Dead letters: messages that no worker could take, and what became of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, text

from selfheal.contracts.dead_letter import DeadLetter
from selfheal.errors import UnknownId


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterRow:
    """A letter, how often it came, and when it was last sent again."""

    letter: DeadLetter
    times: int
    first_at: datetime
    last_at: datetime
    requeued_at: datetime | None

    @property
    def id(self) -> UUID:
        """The letter's id."""
        return self.letter.id


def put(connection: Connection, letter: DeadLetter) -> None:
    """Write a letter down, or count that it came again: then it is open again.

    Race closed: two copies of one message, and a task that is run twice. The primary key makes
    them one row.
    """
    connection.execute(
        text(
            "INSERT INTO dead_letters (id, queue, task_name, reason, headers, content_type,"
            " content_encoding, body, complete) VALUES (:id, :queue, :task_name, :reason,"
            " CAST(:headers AS jsonb), :content_type, :content_encoding, :body, :complete)"
            " ON CONFLICT (id) DO UPDATE SET times = dead_letters.times + 1,"
            " reason = excluded.reason, last_at = clock_timestamp(), requeued_at = NULL"
        ),
        {
            **letter.model_dump(exclude={"schema_version", "headers"}),
            "headers": json.dumps(letter.headers),
        },
    )


def newest(connection: Connection, limit: int) -> tuple[DeadLetterRow, ...]:
    """The letters that were not sent again, newest first."""
    rows = connection.execute(
        text(
            "SELECT * FROM dead_letters WHERE requeued_at IS NULL"
            " ORDER BY last_at DESC, id LIMIT :limit"
        ),
        {"limit": limit},
    )
    return tuple(map(_row, rows))


def load(connection: Connection, letter_id: UUID) -> DeadLetterRow:
    """One letter, held for this transaction; raises UnknownId."""
    row = connection.execute(
        text("SELECT * FROM dead_letters WHERE id = :id FOR UPDATE"), {"id": letter_id}
    ).one_or_none()
    if row is None:
        raise UnknownId(f"no dead letter has the id {letter_id}: see `selfheal dead list`")
    return _row(row)


def mark_requeued(connection: Connection, row: DeadLetterRow) -> None:
    """It was sent to its queue again, as it was when `row` was loaded.

    Race closed: a worker that has set it aside once more before this is written. It came once more
    often then, and stays open.
    """
    connection.execute(
        text(
            "UPDATE dead_letters SET requeued_at = clock_timestamp()"
            " WHERE id = :id AND times = :times"
        ),
        {"id": row.id, "times": row.times},
    )


def drop(connection: Connection, letter_id: UUID) -> None:
    """Forget a letter."""
    connection.execute(text("DELETE FROM dead_letters WHERE id = :id"), {"id": letter_id})


def _row(row: Row[tuple[object, ...]]) -> DeadLetterRow:
    values = dict(row._mapping)
    letter = DeadLetter(
        **{name: values[name] for name in DeadLetter.model_fields if name in values}
    )
    return DeadLetterRow(
        letter=letter,
        times=values["times"],
        first_at=values["first_at"],
        last_at=values["last_at"],
        requeued_at=values["requeued_at"],
    )
