"""The SQL of the result tables, each statement with the race it closes.

All of them are single statements for connections in autocommit: one statement is one transaction.
They rely on READ COMMITTED, PostgreSQL's default.
"""

from __future__ import annotations

LAST = 2_147_483_647
"""Where a part without an index stands."""

STORE = """
INSERT INTO selfheal_results.results AS r (
    task_id, status, result, traceback, children, name, args, kwargs, worker, queue, retries,
    stamps, group_id, root_id, parent_id, started_at, finished_at
) VALUES (
    %(task_id)s, %(status)s, %(result)s, %(traceback)s, %(children)s, %(name)s, %(args)s,
    %(kwargs)s, %(worker)s, %(queue)s, %(retries)s, %(stamps)s, %(group_id)s, %(root_id)s,
    %(parent_id)s,
    CASE WHEN %(started)s THEN clock_timestamp() END,
    CASE WHEN %(finished)s THEN clock_timestamp() END
)
ON CONFLICT (task_id) DO UPDATE SET
    status = excluded.status,
    result = excluded.result,
    traceback = excluded.traceback,
    children = excluded.children,
    name = coalesce(excluded.name, r.name),
    args = coalesce(excluded.args, r.args),
    kwargs = coalesce(excluded.kwargs, r.kwargs),
    worker = coalesce(excluded.worker, r.worker),
    queue = coalesce(excluded.queue, r.queue),
    retries = coalesce(excluded.retries, r.retries),
    stamps = coalesce(excluded.stamps, r.stamps),
    group_id = coalesce(excluded.group_id, r.group_id),
    root_id = coalesce(excluded.root_id, r.root_id),
    parent_id = coalesce(excluded.parent_id, r.parent_id),
    started_at = coalesce(excluded.started_at, r.started_at),
    finished_at = excluded.finished_at,
    changed_at = clock_timestamp()
WHERE r.status <> 'SUCCESS'
"""
"""Race closed: two first writers of one id (upsert), and a late copy of a task that has succeeded
elsewhere: the first SUCCESS stays."""

STORE_RELAXED = f"{STORE} RETURNING set_config('synchronous_commit', 'off', true)"
"""The same, not waiting for the disk: what a crash of the server may lose is a progress note."""

FETCH = """
SELECT task_id, status, result::text AS result, traceback, children::text AS children, name,
    args::text AS args, kwargs::text AS kwargs, worker, queue, retries, stamps::text AS stamps,
    group_id, root_id, parent_id, started_at, finished_at
FROM selfheal_results.results WHERE task_id = ANY(%(task_ids)s)
"""

EXISTS = "SELECT FROM selfheal_results.results WHERE task_id = %(task_id)s"

FORGET = "DELETE FROM selfheal_results.results WHERE task_id = %(task_id)s"

SAVE_GROUP = """
INSERT INTO selfheal_results.groups AS g (group_id, result) VALUES (%(group_id)s, %(result)s)
ON CONFLICT (group_id) DO UPDATE SET result = excluded.result, changed_at = clock_timestamp()
"""

FETCH_GROUP = """
SELECT result::text AS result, changed_at FROM selfheal_results.groups
WHERE group_id = %(group_id)s
"""

DELETE_GROUP = "DELETE FROM selfheal_results.groups WHERE group_id = %(group_id)s"

OPEN_CHORD = """
WITH opened AS (
    INSERT INTO selfheal_results.chords AS c (group_id, body, body_task_id, shape)
    VALUES (%(group_id)s, %(body)s, %(body_task_id)s, %(shape)s)
    ON CONFLICT (group_id) DO UPDATE SET
        state = 'open', size = NULL, extra = 0, got = 0, body = excluded.body,
        body_task_id = excluded.body_task_id, shape = excluded.shape, reason = NULL,
        claimed_by = NULL, claimed_until = NULL, opened_at = clock_timestamp(),
        changed_at = clock_timestamp()
    WHERE NOT c.kept
    RETURNING group_id
)
DELETE FROM selfheal_results.chord_parts p USING opened WHERE p.group_id = opened.group_id
"""
"""A frozen chord that is applied again keeps its group id and starts from nothing; one that the
application keeps is left alone."""

OPEN_KEPT_CHORD = """
INSERT INTO selfheal_results.chords AS c (group_id, kept, size, body_task_id)
VALUES (%(group_id)s, true, %(size)s, %(body_task_id)s)
ON CONFLICT (group_id) DO UPDATE SET
    kept = true, size = excluded.size, body_task_id = excluded.body_task_id, body = NULL
WHERE NOT c.kept
"""

ADD_TO_CHORD = """
UPDATE selfheal_results.chords SET extra = extra + 1, changed_at = clock_timestamp()
WHERE group_id = %(group_id)s AND state = 'open' AND NOT kept
"""

_CLAIM = """
    state = CASE WHEN {complete} THEN 'claimed' ELSE state END,
    claimed_by = CASE WHEN {complete} THEN %(token)s END,
    claimed_until = CASE WHEN {complete}
        THEN clock_timestamp() + make_interval(secs => %(claim_seconds)s) END,
    changed_at = clock_timestamp()
WHERE group_id = %(chord_id)s AND NOT kept
    AND (state = 'open' OR (state = 'claimed' AND claimed_by = %(token)s))
RETURNING group_id, state = 'claimed' AS claimed, reason,
    CASE WHEN state = 'claimed' THEN body END AS body,
    CASE WHEN state = 'claimed' THEN shape::text END AS shape
"""

SIZE_CHORD = """
UPDATE selfheal_results.chords SET
    size = %(size)s,
""" + _CLAIM.format(complete="got >= %(size)s + extra")
"""Race closed: parts that return before the size is known. Whoever makes it complete claims it."""

_PART = """
    INSERT INTO selfheal_results.chord_parts (group_id, task_id, idx, state, result)
    SELECT group_id, %(part_id)s, %(part_index)s, %(part_state)s, %(part_result)s
    FROM selfheal_results.chords
    WHERE group_id = %(chord_id)s AND state = 'open' AND kept = {kept}
    ON CONFLICT DO NOTHING
    RETURNING 1
"""

_COUNTED = "got + (SELECT count(*) FROM part)"

_COUNT = f"""
UPDATE selfheal_results.chords SET
    got = {_COUNTED},
""" + _CLAIM.format(complete=f"{_COUNTED} >= size + extra")

COUNT_PART = f"WITH part AS ({_PART.format(kept='false')}) {_COUNT}"
"""Races closed: a part that comes twice (its row is inserted once, and only inserted rows count)
and two last parts at once (the second waits for the chord's row and then sees the first one's
count). A retry after a lost connection finds its own claim by its token."""

STORE_AND_COUNT_PART = f"WITH stored AS ({STORE}), part AS ({_PART.format(kept='false')}) {_COUNT}"
"""Result and part in one transaction. Hole closed: a worker that dies after its result was stored
and before its part was, so that no copy of the task ever returns the part."""

_KEPT_PART = f"""
part AS ({_PART.format(kept="true")}), counted AS (
    UPDATE selfheal_results.chords SET
        got = {_COUNTED},
        state = CASE WHEN {_COUNTED} >= size THEN 'published' ELSE state END,
        changed_at = clock_timestamp()
    WHERE group_id = %(chord_id)s AND kept AND state = 'open'
    RETURNING state
)
SELECT 1 FROM counted WHERE state = 'published'
"""

KEPT_PART = f"WITH {_KEPT_PART}"
"""As COUNT_PART, in the application's transaction: the chord's row stays locked until its end. A
row comes back for the part that completes the chord."""

STORE_AND_KEEP_PART = f"WITH stored AS ({STORE}), {_KEPT_PART}"
"""Both in one round trip."""

PARTS = """
SELECT task_id, state, result FROM selfheal_results.chord_parts
WHERE group_id = %(group_id)s ORDER BY idx, task_id
"""

CLOSE_CHORD = """
WITH closed AS (
    UPDATE selfheal_results.chords SET state = %(state)s, body = NULL, claimed_until = NULL,
        changed_at = clock_timestamp()
    WHERE group_id = %(group_id)s AND state = 'claimed' AND claimed_by = %(token)s
    RETURNING group_id
)
DELETE FROM selfheal_results.chord_parts p USING closed WHERE p.group_id = closed.group_id
"""
"""Race closed: a claimer so slow that the sweeper has taken over closes nothing."""

CLOSE_BEGUN = """
UPDATE selfheal_results.chords c SET state = 'published', body = NULL, claimed_until = NULL,
    changed_at = clock_timestamp()
WHERE state = 'claimed' AND claimed_until < clock_timestamp()
    AND EXISTS (SELECT FROM selfheal_results.results r
        WHERE r.task_id = c.body_task_id AND r.changed_at >= c.opened_at)
"""
"""A body that has a result row was sent by its claimer, who died before saying so."""

RECLAIM = """
UPDATE selfheal_results.chords SET claimed_by = %(token)s,
    claimed_until = clock_timestamp() + make_interval(secs => %(claim_seconds)s)
WHERE group_id = (
    SELECT group_id FROM selfheal_results.chords
    WHERE state = 'claimed' AND claimed_until < clock_timestamp()
    ORDER BY claimed_until LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING group_id, true AS claimed, reason, body, shape::text AS shape
"""
"""Race closed: two sweepers at one chord. SKIP LOCKED gives each chord to one of them."""

GIVE_UP_OVERDUE = """
UPDATE selfheal_results.chords SET state = 'claimed', claimed_until = '-infinity',
    reason = format('%%s of %%s header tasks returned within %%s s', got,
        coalesce((size + extra)::text, 'an unknown number of'), %(seconds)s)
WHERE group_id IN (
    SELECT group_id FROM selfheal_results.chords
    WHERE state = 'open' AND NOT kept
        AND changed_at < clock_timestamp() - make_interval(secs => %(seconds)s)
    ORDER BY group_id FOR UPDATE SKIP LOCKED
)
"""
"""A chord whose part never comes (its task was ignored, or lost with its worker) fails instead of
hanging for ever. Its claim has lapsed at once, so RECLAIM finds it."""


def expired(table: str, key: str, condition: str) -> str:
    """Delete at most %(limit)s rows of `table` last written more than %(seconds)s ago.

    Race closed: two cleanups at once, and a cleanup that waits for a busy row. SKIP LOCKED lets
    each take what the other does not have.
    """
    return f"""
DELETE FROM selfheal_results.{table} WHERE {key} IN (
    SELECT {key} FROM selfheal_results.{table}
    WHERE changed_at < clock_timestamp() - make_interval(secs => %(seconds)s) AND {condition}
    LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)"""


EXPIRE_FAILURES = expired("results", "task_id", "status = 'FAILURE'")
EXPIRE_OTHERS = expired("results", "task_id", "status <> 'FAILURE'")
EXPIRE_GROUPS = expired("groups", "group_id", "true")
EXPIRE_CHORDS = f"""
WITH gone AS ({expired("chords", "group_id", "state IN ('published', 'failed')")}
    RETURNING group_id
), parts AS (
    DELETE FROM selfheal_results.chord_parts p USING gone WHERE p.group_id = gone.group_id
)
SELECT FROM gone
"""
