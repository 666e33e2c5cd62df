"""What has ended and grown old goes away, in batches.

Each function is one short transaction's worth: it deletes up to `batch` of its rows and says how
many. SKIP LOCKED lets several run beside each other, and beside the farm's daily work.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_AGED = "< clock_timestamp() - make_interval(secs => :age)"


def trim_requests(connection: Connection, *, age: float, batch: int) -> int:
    """Take from requests that ended `age` seconds ago whatever their plans made.

    Their rows stay, for their ids are idempotency keys; their reports keep cause, branch and
    evidence.
    """
    requests = (
        connection.execute(
            text(
                f"SELECT id FROM change_requests WHERE trimmed_at IS NULL AND ended_at {_AGED}"
                " ORDER BY ended_at LIMIT :batch FOR NO KEY UPDATE SKIP LOCKED"
            ),
            {"age": age, "batch": batch},
        )
        .scalars()
        .all()
    )
    for statement in _TRIM if requests else ():
        connection.execute(statement, {"ids": list(requests)})
    return len(requests)


def delete_events(connection: Connection, *, age: float, batch: int) -> int:
    """Delete events that are this old, of requests that have ended: others compile theirs yet."""
    return _delete(
        connection,
        "DELETE FROM events WHERE id IN (SELECT e.id FROM events e"
        f" JOIN change_requests c ON c.id = e.request_id WHERE e.at {_AGED}"
        " AND c.ended_at IS NOT NULL LIMIT :batch FOR UPDATE OF e SKIP LOCKED)",
        age=age,
        batch=batch,
    )


def delete_messages(connection: Connection, *, age: float, batch: int) -> int:
    """Delete outbox rows that somebody began this long ago; what was not begun stays."""
    return _delete(
        connection,
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox"
        f" WHERE received_at {_AGED} LIMIT :batch FOR UPDATE SKIP LOCKED)",
        age=age,
        batch=batch,
    )


def delete_firings(connection: Connection, *, age: float, batch: int) -> int:
    """Delete firings of schedules that ended this long ago."""
    return _delete(
        connection,
        "DELETE FROM firings WHERE message_id IN (SELECT message_id FROM firings"
        f" WHERE ended_at {_AGED} LIMIT :batch FOR UPDATE SKIP LOCKED)",
        age=age,
        batch=batch,
    )


def delete_letters(connection: Connection, *, age: float, batch: int) -> int:
    """Delete messages that were set aside, and came for the last time this long ago."""
    return _delete(
        connection,
        "DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters"
        f" WHERE last_at {_AGED} LIMIT :batch FOR UPDATE SKIP LOCKED)",
        age=age,
        batch=batch,
    )


def delete_baselines(connection: Connection, *, age: float, batch: int) -> int:
    """Delete baselines that were measured this long ago: who needs one measures it again."""
    return _delete(
        connection,
        "DELETE FROM baselines WHERE key IN (SELECT key FROM baselines"
        f" WHERE created_at {_AGED} LIMIT :batch FOR UPDATE SKIP LOCKED)",
        age=age,
        batch=batch,
    )


def delete_blobs(connection: Connection, *, age: float, batch: int) -> int:
    """Delete what was derived from files that nobody has asked for this long."""
    return _delete(
        connection,
        "DELETE FROM blobs WHERE (kind, blob) IN (SELECT kind, blob FROM blobs"
        f" WHERE used_at {_AGED} LIMIT :batch FOR UPDATE SKIP LOCKED)",
        age=age,
        batch=batch,
    )


def clear_prompts(connection: Connection, *, age: float, batch: int) -> int:
    """Take prompts and answers from calls to models that began this long ago; the rows stay."""
    return _delete(
        connection,
        "UPDATE llm_calls SET messages = NULL, answer = NULL, reusable = false WHERE id IN"
        " (SELECT id FROM llm_calls WHERE (messages IS NOT NULL OR answer IS NOT NULL)"
        f" AND begun_at {_AGED} LIMIT :batch FOR UPDATE SKIP LOCKED)",
        age=age,
        batch=batch,
    )


def delete_calls(connection: Connection, *, age: float, batch: int) -> int:
    """Delete calls to models that began this long ago."""
    return _delete(
        connection,
        "DELETE FROM llm_calls WHERE id IN (SELECT id FROM llm_calls"
        f" WHERE begun_at {_AGED} LIMIT :batch FOR UPDATE SKIP LOCKED)",
        age=age,
        batch=batch,
    )


def _delete(connection: Connection, statement: str, *, age: float, batch: int) -> int:
    return connection.execute(text(statement), {"age": age, "batch": batch}).rowcount


_PLANS = "(SELECT id FROM plans WHERE request_id = ANY(:ids))"
_TASKS = "(SELECT id FROM coding_tasks WHERE request_id = ANY(:ids))"

# What refers to a row goes before it.
_TRIM = tuple(
    text(statement)
    for statement in (
        f"DELETE FROM commit_results WHERE task_id IN {_TASKS}",
        f"DELETE FROM task_edges WHERE parent_id IN {_TASKS} OR child_id IN {_TASKS}",
        "DELETE FROM coding_tasks WHERE request_id = ANY(:ids)",
        "DELETE FROM subtasks WHERE request_id = ANY(:ids)",
        "DELETE FROM decompositions WHERE request_id = ANY(:ids)",
        "DELETE FROM attempts WHERE request_id = ANY(:ids)",
        "DELETE FROM outbox WHERE request_id = ANY(:ids) AND received_at IS NOT NULL",
        f"DELETE FROM leases WHERE plan_id IN {_PLANS} AND state <> 'held'",
        f"DELETE FROM rounds WHERE plan_id IN {_PLANS}",
        f"DELETE FROM code_plan_figures WHERE plan_id IN {_PLANS}",
        f"DELETE FROM bundles WHERE plan_id IN {_PLANS}",
        f"DELETE FROM steps WHERE plan_id IN {_PLANS}",
        "DELETE FROM plans WHERE request_id = ANY(:ids)",
        "DELETE FROM budgets WHERE request_id = ANY(:ids)",
        "UPDATE change_requests SET trimmed_at = clock_timestamp(), report = report ||"
        ' \'{"bundle": null, "results": [], "timeline": []}\' WHERE id = ANY(:ids)',
    )
)
