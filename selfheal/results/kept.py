"""Chords kept by the application: it writes the parts and sends the body, in its own transactions.

Celery's own part returns are ignored for such a chord: a lost worker, a revoked or an ignored
header task neither poisons nor hangs it. The functions take a psycopg connection, or an SQLAlchemy
one inside `begin()`; what they write becomes true with the caller's commit, under READ COMMITTED.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from kombu.utils.json import dumps

from selfheal.results import statements
from selfheal.results.documents import to_jsonb
from selfheal.results.rows import TaskState
from selfheal.results.statements import LAST

if TYPE_CHECKING:
    import psycopg
    import sqlalchemy

    Connection = psycopg.Connection[Any] | sqlalchemy.Connection


def open_kept_chord(
    connection: Connection,
    group_id: UUID | str,
    *,
    size: int,
    body_task_id: UUID | str | None = None,
) -> None:
    """A chord that is complete with `size` parts. Opening it again changes nothing.

    Opened after Celery has opened one under this id, the application keeps it from now on.
    """
    _run(
        connection,
        statements.OPEN_KEPT_CHORD,
        {
            "group_id": str(group_id),
            "size": size,
            "body_task_id": str(body_task_id) if body_task_id else None,
        },
    )


def save_group(connection: Connection, group_id: UUID | str, header: Sequence[UUID]) -> None:
    """Let `GroupResult.restore(group_id)` find the chord's header tasks, in their order."""
    results = [[[str(task_id), None], None] for task_id in header]
    _run(
        connection,
        statements.SAVE_GROUP,
        {"group_id": str(group_id), "result": dumps([[str(group_id), None], results])},
    )


def record_part(
    connection: Connection,
    group_id: UUID | str,
    *,
    task_id: UUID | str,
    index: int | None = None,
    state: str = "SUCCESS",
    result: object = None,
) -> bool:
    """Write the part of one header task; the first part of a (task, index) stays.

    True for the one call that completes the chord, which then counts as published: the caller
    sends the body. The chord's row is locked until the caller's transaction ends.
    """
    values = _part(group_id, task_id, index=index, state=state, result=result)
    return _run(connection, statements.KEPT_PART, values).fetchone() is not None


def record_result_and_part(
    connection: Connection,
    group_id: UUID | str,
    *,
    task_id: UUID | str,
    index: int | None = None,
    result: object = None,
) -> bool:
    """`record_part` of a header task that succeeded, and what it returned, in one round trip.

    The first SUCCESS of a task stays.
    """
    document = to_jsonb(dumps(result))
    stored = TaskState(task_id=str(task_id), status="SUCCESS", result=document).values()
    part = _part(group_id, task_id, index=index, state="SUCCESS", result=result)
    rows = _run(connection, statements.STORE_AND_KEEP_PART, {**stored, **part})
    return rows.fetchone() is not None


def _part(
    group_id: UUID | str, task_id: UUID | str, *, index: int | None, state: str, result: object
) -> dict[str, object]:
    return {
        "chord_id": str(group_id),
        "part_id": str(task_id),
        "part_index": LAST if index is None else index,
        "part_state": state,
        "part_result": dumps(result),
    }


def _run(connection: Connection, statement: str, values: dict[str, object]) -> Any:
    """SQLAlchemy's connection has to know of the statement, or its commit would not commit it."""
    run: Callable[..., Any] = getattr(connection, "exec_driver_sql", connection.execute)
    return run(statement, values)
