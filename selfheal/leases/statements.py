"""The statements of the table `leases`, each with the race it closes.

They are right at READ COMMITTED, PostgreSQL's default, where every statement sees what was
committed before it began. Rows are locked in the order of their tokens, and after the branch lock:
so no two transactions wait for each other.

The first four, which take leases, are in the driver's own style: they are sent together.
"""

from __future__ import annotations

from sqlalchemy import text

LOOK = """
SELECT held.fq_name, held.plan_id, held.reserved_at, held.expires_at
FROM unnest(CAST(%(lows)s AS text[]), CAST(%(highs)s AS text[])) AS reach(low, high)
JOIN leases AS held ON held.fq_name BETWEEN reach.low AND reach.high
WHERE held.repo = %(repo)s AND held.branch = %(branch)s AND held.state = 'held'
  AND held.expires_at > clock_timestamp()
  AND 'exclusive' IN (held.mode, %(mode)s) AND held.plan_id <> %(plan_id)s
ORDER BY held.token
LIMIT 1
"""
"""The lease that refuses a reservation, if any, without waiting for the branch lock.

There is no race to close: what it finds did hold at that moment, and where it finds nothing, TAKE
looks again under the lock. Most refusals end here, so that they keep nobody waiting.
"""

LOCK_BRANCH = """
SELECT pg_advisory_xact_lock(hashtextextended(%(repo)s || chr(10) || %(branch)s, 7353))
"""
"""One reservation per branch at a time, until its transaction ends.

Race closed: two plans that look at the same moment, see nothing in the way, and both insert. It is
a statement of its own because one that looked *and* waited would look with the eyes it had before
the wait. Two branches with the same hash only wait for each other.
"""

EXPIRE_IN_THE_WAY = """
UPDATE leases SET state = 'expired', ended_at = clock_timestamp()
WHERE id IN (
    SELECT held.id
    FROM unnest(CAST(%(lows)s AS text[]), CAST(%(highs)s AS text[])) AS reach(low, high)
    JOIN leases AS held ON held.fq_name BETWEEN reach.low AND reach.high
    WHERE held.repo = %(repo)s AND held.branch = %(branch)s AND held.state = 'held'
      AND held.expires_at <= clock_timestamp()
    ORDER BY held.token
    FOR UPDATE OF held SKIP LOCKED
)
"""
"""End what has lapsed and overlaps; from here on the column `state` alone decides.

Race closed: a renewal that began in time and commits late. Its row is locked, so it is skipped,
stays 'held' and blocks; waiting for it while holding the branch lock could deadlock.
"""

TAKE = """
WITH moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now, make_interval(secs => %(ttl_seconds)s) AS ttl
), wanted AS (
    SELECT *
    FROM unnest(CAST(%(names)s AS text[]), CAST(%(kinds)s AS text[]), CAST(%(paths)s AS text[]))
        AS wanted(fq_name, kind, file_path)
), blocking AS MATERIALIZED (
    SELECT held.*
    FROM unnest(CAST(%(lows)s AS text[]), CAST(%(highs)s AS text[])) AS reach(low, high)
    JOIN leases AS held ON held.fq_name BETWEEN reach.low AND reach.high
    CROSS JOIN moment
    WHERE held.repo = %(repo)s AND held.branch = %(branch)s AND held.state = 'held'
      AND 'exclusive' IN (held.mode, %(mode)s)
      AND (held.plan_id <> %(plan_id)s OR held.expires_at <= moment.now)
    ORDER BY held.token
    LIMIT 1
), kept AS (
    UPDATE leases SET expires_at = greatest(leases.expires_at, moment.now + moment.ttl)
    FROM moment
    WHERE leases.id IN (
        SELECT mine.id
        FROM leases AS mine JOIN wanted USING (fq_name) CROSS JOIN moment
        WHERE mine.repo = %(repo)s AND mine.branch = %(branch)s AND mine.state = 'held'
          AND mine.plan_id = %(plan_id)s AND mine.mode = %(mode)s AND mine.expires_at > moment.now
          AND NOT EXISTS (SELECT FROM blocking)
        ORDER BY mine.token
        FOR UPDATE OF mine
    )
    RETURNING leases.*
), granted AS (
    INSERT INTO leases (repo, branch, fq_name, kind, file_path, mode, plan_id, expires_at)
    SELECT %(repo)s, %(branch)s, fq_name, kind, file_path, %(mode)s, %(plan_id)s,
        moment.now + moment.ttl
    FROM wanted CROSS JOIN moment
    WHERE NOT EXISTS (SELECT FROM blocking) AND fq_name NOT IN (SELECT fq_name FROM kept)
    RETURNING *
)
SELECT true AS blocked, * FROM blocking
UNION ALL SELECT false, * FROM kept
UNION ALL SELECT false, * FROM granted
"""
"""All or nothing: the one lease in the way, or a lease on every wanted symbol.

A reach is a range of names: a symbol covers itself and what lies below it, and is covered by each
name above it. What the plan holds already is kept, with its token, and renewed. One moment decides
the whole statement: a lease cannot be live in one part of it and lapsed in another. A lapsed row
that EXPIRE_IN_THE_WAY had to skip blocks even its own plan; it is gone a moment later.
"""

RENEW = text("""
UPDATE leases
SET expires_at = greatest(expires_at, clock_timestamp() + make_interval(secs => :ttl_seconds))
WHERE id IN (
    SELECT id FROM leases
    WHERE plan_id = :plan_id AND state = 'held' AND expires_at > clock_timestamp()
    ORDER BY token
    FOR UPDATE
)
""")
"""Race closed: a renewal that waits behind the sweep. It looks again at the row it waited for,
finds it expired, and leaves it so: what has lapsed is never revived.
"""

CLAIM = text("""
UPDATE leases SET state = 'claimed', claimed_sha = :commit_sha, ended_at = clock_timestamp()
WHERE id = :id AND token = :token AND state = 'held' AND expires_at > clock_timestamp()
""")
"""Race closed: a holder that was paused past its expiry and still believes it holds the symbol."""

RELEASE = text("""
UPDATE leases SET state = 'released', ended_at = clock_timestamp()
WHERE id IN (
    SELECT id FROM leases WHERE plan_id = :plan_id AND state = 'held' ORDER BY token FOR UPDATE
)
""")

EXPIRE = text("""
UPDATE leases SET state = 'expired', ended_at = clock_timestamp()
WHERE id IN (
    SELECT id FROM leases WHERE state = 'held' AND expires_at <= clock_timestamp()
    ORDER BY token
    FOR UPDATE SKIP LOCKED
)
RETURNING *
""")
"""Race closed: two sweepers, or a sweeper and a reservation. A locked row is somebody's already."""

HELD_BY = text("""
SELECT * FROM leases
WHERE plan_id = :plan_id AND state = 'held' AND expires_at > clock_timestamp()
ORDER BY token
""")

LAPSED = text("""
SELECT * FROM (
    SELECT DISTINCT ON (fq_name, mode) * FROM leases WHERE plan_id = :plan_id
    ORDER BY fq_name, mode, token DESC
) AS newest
WHERE state = 'expired' OR state = 'held' AND expires_at <= clock_timestamp()
ORDER BY token
""")

LIVE = text("""
SELECT * FROM leases
WHERE repo = :repo AND branch = :branch AND state = 'held' AND expires_at > clock_timestamp()
ORDER BY token
""")

PLACE_OF_PLAN = text("""
SELECT DISTINCT repo, branch FROM leases
WHERE plan_id = :plan_id AND state = 'held' AND expires_at > clock_timestamp()
""")

LOOK_UP = text("SELECT token, state, expires_at FROM leases WHERE id = :id")
