"""What must hold system-wide once nothing is left to do. Each look answers with what is wrong."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any
from uuid import UUID

from kombu import Connection
from sqlalchemy import Row, text

from selfheal.cli.farm import Own
from selfheal.contracts.names import POOLS
from selfheal.contracts.run_report import TRANSITIONS
from selfheal.flows.farm import Farm

_WRONG = {
    "a request that has not ended": (
        "SELECT id, state, received_at FROM change_requests WHERE ended_at IS NULL"
    ),
    "a request that ended without its reason": (
        "SELECT id, state FROM change_requests WHERE ended_at IS NOT NULL AND reason = ''"
    ),
    "a request that did not come to what it had to": (
        "SELECT id, state, reason FROM change_requests"
        " WHERE folded_into IS NULL AND state IN ('FAILED', 'CANCELLED')"
    ),
    "a task without its result": (
        "SELECT t.id, t.state FROM coding_tasks t LEFT JOIN commit_results r ON r.task_id = t.id"
        " WHERE t.state <> 'settled' OR r.task_id IS NULL"
    ),
    "a result that is not its accepted attempt's": (
        "SELECT r.task_id, r.token, a.token FROM commit_results r LEFT JOIN attempts a"
        " ON a.subject_id = r.task_id AND a.work = 'selfheal.code' AND a.ending = 'accepted'"
        " WHERE r.token IS DISTINCT FROM a.token"
    ),
    "an effect that came twice": (
        "SELECT work, subject_id, count(*) FROM ledger GROUP BY work, subject_id"
        " HAVING count(*) > 1"
    ),
    "an effect that is not its accepted attempt's, or has none": (
        "SELECT work, subject_id, l.token, a.token FROM ledger l FULL JOIN ("
        "  SELECT work, subject_id, token FROM attempts WHERE ending = 'accepted') a"
        " USING (work, subject_id) WHERE l.token IS DISTINCT FROM a.token"
    ),
    "work that was accepted twice": (
        "SELECT work, subject_id FROM attempts WHERE ending = 'accepted'"
        " GROUP BY work, subject_id HAVING count(*) > 1"
    ),
    "a later attempt with a lesser token": (
        "SELECT * FROM (SELECT work, subject_id, token, lag(token) OVER"
        "  (PARTITION BY work, subject_id ORDER BY number) AS before FROM attempts) one"
        " WHERE token <= before"
    ),
    "an attempt that lives on": (
        "SELECT work, subject_id, worker, heartbeat_at FROM attempts WHERE ended_at IS NULL"
    ),
    "a lease that the dead hold": (
        "SELECT l.fq_name, l.plan_id FROM leases l JOIN plans p ON p.id = l.plan_id"
        " JOIN change_requests c ON c.id = p.request_id"
        " WHERE l.state = 'held' AND c.ended_at IS NOT NULL"
    ),
    "a chord that hangs": (
        "SELECT group_id, state, got, size FROM selfheal_results.chords"
        " WHERE state <> 'published' OR got <> size"
    ),
    "a chord whose body has not run": (
        "SELECT r.id FROM rounds r LEFT JOIN attempts a ON a.subject_id = r.id"
        " AND a.work = 'selfheal.land' AND a.ending = 'accepted' WHERE a.id IS NULL"
    ),
    "an outbox row that is still to be sent": (
        "SELECT task_name, subject_id, sends FROM outbox WHERE received_at IS NULL"
    ),
    "a message that was set aside": "SELECT queue, reason FROM dead_letters",
}


def complaints(own: Own) -> list[str]:
    """Everything that is wrong in the database and the broker."""
    found, farm = [], own.farm
    with farm.database.begin() as connection:
        for what, sql in _WRONG.items():
            rows = connection.execute(text(sql)).all()
            found += [f"{what}: {_told(row)}" for row in rows[:5]]
    return [*found, *_broken_ways(farm), *_left_in_the_broker(own)]


def open_requests(farm: Farm) -> tuple[UUID, ...]:
    """Accepted, and not ended."""
    with farm.database.begin() as connection:
        rows = connection.execute(text("SELECT id FROM change_requests WHERE ended_at IS NULL"))
        return tuple(rows.scalars())


def story(own: Own) -> str:
    """The last rows and log lines, for somebody who has to find out what went wrong."""
    parts = []
    with own.farm.database.begin() as connection:
        for table, order in (("attempts", "token"), ("outbox", "id"), ("events", "id")):
            rows = connection.execute(text(f"SELECT * FROM {table} ORDER BY {order} DESC LIMIT 20"))
            parts += [f"--- {table}", *map(_told, rows)]
    for log in sorted((own.farm.settings.run_folder / "logs").glob("*.log")):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
        parts += [f"--- {log.name}", *lines]
    return "\n".join(parts)


def _broken_ways(farm: Farm) -> list[str]:
    """The events of each request tell one unbroken way through the state machine."""
    ways: dict[UUID, list[tuple[Any, Any]]] = {}
    with farm.database.begin() as connection:
        rows = connection.execute(
            text(
                "SELECT request_id, old_state, new_state FROM events WHERE kind = 'state'"
                " ORDER BY id"
            )
        )
        for row in rows:
            ways.setdefault(row.request_id, []).append((row.old_state, row.new_state))
    return [
        f"a way that is broken: {request_id}: {one} then {other}"
        for request_id, moves in ways.items()
        for one, other in pairwise(moves)
        if one[1] != other[0] or other[1] not in TRANSITIONS[other[0]]
    ]


def _left_in_the_broker(own: Own) -> list[str]:
    """Empty queues; and what dead workers held is finished business for the database.

    kombu keeps that until the visibility timeout; its copy will find nothing to begin.
    """
    ready = own.farm.sender.ready
    found = [f"{count} messages in queue {pool}" for pool in POOLS if (count := ready(pool))]
    held = [json.loads(one)[0]["headers"] for one in _unacknowledged(own.servers.broker_url)]
    with own.farm.database.begin() as connection:
        unknown = connection.execute(
            text(
                "SELECT id FROM unnest(CAST(:ids AS uuid[])) AS held(id) WHERE NOT EXISTS"
                " (SELECT FROM outbox WHERE message_id = held.id AND received_at IS NOT NULL)"
            ),
            {"ids": [headers["id"] for headers in held]},
        )
        strange = {str(one) for one in unknown.scalars()}
    return found + [
        f"a message that only the broker knows: {headers['task']} {headers['id']}"
        for headers in held
        if headers["id"] in strange
    ]


def _unacknowledged(broker_url: str) -> list[bytes]:
    with Connection(broker_url) as connection:
        channel: Any = connection.default_channel
        held: list[bytes] = channel.client.hvals(channel.unacked_key)
        return held


def _told(row: Row[Any]) -> str:
    return " | ".join(f"{name}={value}" for name, value in row._mapping.items())[:300]
