"""The end of a complete chord: its body is sent with the parts' values, or fails with an error."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from celery import chord, group, maybe_signature, states
from celery.app.task import Context
from celery.canvas import Signature, _chain
from celery.exceptions import ChordError
from kombu.exceptions import OperationalError

from selfheal.results import statements
from selfheal.results.pool import Pool, Row
from selfheal.results.rows import Claim
from selfheal.results.stock import BaseBackend

logger = logging.getLogger(__name__)

_AWAY = (OperationalError, OSError, psycopg.Error)
"""Broker or database do not answer: no fault of the chord's, so it stays claimed."""


def end_chord(backend: BaseBackend, pool: Pool, claim: Claim) -> str | None:
    """Send the body of a claimed chord, or fail it; says which: "published" or "failed".

    None when it could not be said now: the claim lapses, and a sweep ends the chord. Never raises,
    for the header task that came last has ended well. A body is sent under the id it was given
    before the header was, so one that is sent twice is the same task.
    """
    try:
        state = _send_or_fail(backend, pool, claim)
        values = {"group_id": claim.group_id, "token": claim.token, "state": state}
        pool.rows(statements.CLOSE_CHORD, values)
    except Exception:
        logger.exception("Chord %s could not be ended now: a sweep will do it", claim.group_id)
        return None
    return state


def _send_or_fail(backend: BaseBackend, pool: Pool, claim: Claim) -> str:
    app = backend.app
    body: Any = maybe_signature(backend.decode(claim.body), app=app)
    try:
        values = _values(backend, pool, claim)
        # Waits between its tries as the retry policy says, as Celery's own joins do.
        app.amqp._retry_publish(body.delay, values)
    except _AWAY:
        raise
    except ChordError as error:
        logger.warning("Chord %s failed: %s", claim.group_id, error)
        _fail(backend, body, error)
    except Exception as error:
        logger.exception("The body of chord %s could not be sent", claim.group_id)
        _fail(backend, body, _chord_error(f"Callback error: {error!r}", error))
    else:
        return "published"
    return "failed"


def _fail(backend: BaseBackend, body: Signature, error: ChordError) -> None:
    """The body ends with `error`, and so does what waits for it.

    Celery itself leaves an outer chord waiting for ever for the part of a body that never ran.
    """
    for task in _last_tasks(body):
        options = task.options
        if "chord" in options:
            ended = Context(task, **options, id=options["task_id"], group=options["group_id"])
            backend.on_chord_part_return(ended, states.FAILURE, error)
    backend.chord_error_from_stack(body, error)


def _last_tasks(body: Any) -> Iterator[Signature]:
    """The tasks whose values are the value of `body`."""
    if isinstance(body, group):
        for task in body.tasks:
            yield from _last_tasks(task)
    elif isinstance(body, _chain):
        yield from _last_tasks(body.tasks[-1])
    elif isinstance(body, chord):
        yield from _last_tasks(body.body)
    else:
        yield body


def _values(backend: BaseBackend, pool: Pool, claim: Claim) -> list[Any]:
    """What the body gets: a value per header task, groups in the header as lists."""
    if claim.reason:
        raise ChordError(claim.reason)
    parts = pool.rows(statements.PARTS, {"group_id": claim.group_id})
    values = [_value(backend, part) for part in parts]
    if claim.shape is None:
        return values
    by_task = {part["task_id"]: value for part, value in zip(parts, values, strict=True)}
    _, children = backend.decode(claim.shape)
    return [_nested(child, by_task) for child in children]


def _value(backend: BaseBackend, part: Row) -> Any:
    value = backend.decode(part["result"])
    if part["state"] in states.EXCEPTION_STATES:
        value = backend.exception_to_python(value)
    if part["state"] in states.PROPAGATE_STATES:
        raise _chord_error(f"Dependency {part['task_id']} raised {value!r}", value)
    return value


def _nested(node: Any, by_task: Mapping[str, Any]) -> Any:
    """The value of a node of `GroupResult.as_tuple()`: ((id, parent), children or None)."""
    (task_id, _), children = node
    if children is not None:
        return [_nested(child, by_task) for child in children]
    if task_id not in by_task:
        raise ChordError(f"Header task {task_id} returned no part")
    return by_task[task_id]


def _chord_error(message: str, cause: BaseException) -> ChordError:
    error = ChordError(message)
    error.__cause__ = cause
    return error
