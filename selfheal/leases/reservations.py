"""Reserve, renew, claim, release: what a plan does with its leases (SRM-1 to SRM-3).

A transaction that reserves does so before it claims or releases, and on one branch only: the
branch lock comes first everywhere, so nothing can deadlock.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from selfheal.contracts.plan import Symbol
from selfheal.errors import Fenced, LeaseConflict
from selfheal.leases import statements
from selfheal.leases.lease import Lease, Mode
from selfheal.store.database import sent_together


def reserve(
    connection: Connection,
    *,
    repo: str,
    branch: str,
    symbols: Sequence[Symbol],
    plan_id: UUID,
    ttl_seconds: float = 600.0,
    mode: Mode = "exclusive",
) -> tuple[Lease, ...]:
    """A lease on every symbol, in the order given, or LeaseConflict and none at all.

    Symbols overlap where one covers the other by its dotted name. Shared leases go together; an
    exclusive one goes with nothing of another plan. What the plan holds already in this mode is
    renewed and returned, so that repeating a call is harmless. After a refusal the transaction goes
    on: at most the end of lapsed leases was written.

    On a connection that commits by itself (`Database.statement`) this is a transaction of its own,
    and the branch is locked no longer than the server works on it.
    """
    wanted = {symbol.fq_name: symbol for symbol in symbols}
    if not wanted:
        return ()
    lows, highs = _reach(wanted)
    values = {
        "repo": repo,
        "branch": branch,
        "names": list(wanted),
        "kinds": [symbol.kind for symbol in wanted.values()],
        "paths": [symbol.file_path for symbol in wanted.values()],
        "lows": lows,
        "highs": highs,
        "plan_id": plan_id,
        "mode": mode,
        "ttl_seconds": ttl_seconds,
    }
    if seen := sent_together(connection, values, statements.LOOK):
        raise _conflict(seen[0])
    rows = sent_together(
        connection,
        values,
        statements.LOCK_BRANCH,
        statements.EXPIRE_IN_THE_WAY,
        statements.TAKE,
    )
    if rows[0].blocked:
        raise _conflict(rows[0])
    held = {row.fq_name: Lease.from_row(row) for row in rows}
    return tuple(held[name] for name in wanted)


def extend(
    connection: Connection,
    plan_id: UUID,
    *,
    symbols: Sequence[Symbol],
    ttl_seconds: float = 600.0,
    mode: Mode = "exclusive",
) -> tuple[Lease, ...]:
    """`reserve` more symbols where the plan holds some; raises Fenced where it holds none."""
    place = connection.execute(statements.PLACE_OF_PLAN, {"plan_id": plan_id}).one_or_none()
    if place is None:
        raise Fenced(f"plan {plan_id} holds no live lease to extend: reserve all its symbols anew")
    return reserve(
        connection,
        repo=place.repo,
        branch=place.branch,
        symbols=symbols,
        plan_id=plan_id,
        ttl_seconds=ttl_seconds,
        mode=mode,
    )


def renew(connection: Connection, plan_id: UUID, *, ttl_seconds: float = 600.0) -> int:
    """Give every live lease of the plan `ttl_seconds` from now, and count them.

    A lapsed lease is not revived: fewer than the plan reserved means that it has lost some.
    """
    values = {"plan_id": plan_id, "ttl_seconds": ttl_seconds}
    return connection.execute(statements.RENEW, values).rowcount


def claim(connection: Connection, lease_id: UUID, token: int, *, commit_sha: str) -> None:
    """End the lease with the commit that used it; raises Fenced unless it is live under `token`.

    Several claims in one transaction go in the order of their tokens, as `held_by` gives them.
    """
    values = {"id": lease_id, "token": token, "commit_sha": commit_sha}
    if connection.execute(statements.CLAIM, values).rowcount == 0:
        found = _describe(connection, lease_id)
        raise Fenced(
            f"expected a live lease {lease_id} with token {token}, found {found}: "
            f"commit {commit_sha} is not accepted, reserve its symbols anew"
        )


def release(connection: Connection, plan_id: UUID) -> int:
    """End every lease the plan holds, and count them."""
    return connection.execute(statements.RELEASE, {"plan_id": plan_id}).rowcount


def expire(connection: Connection) -> tuple[Lease, ...]:
    """End every lapsed lease of the farm and return them; rows that somebody works on are left."""
    return tuple(Lease.from_row(row) for row in connection.execute(statements.EXPIRE))


def held_by(connection: Connection, plan_id: UUID) -> tuple[Lease, ...]:
    """The plan's live leases, in the order of their tokens."""
    rows = connection.execute(statements.HELD_BY, {"plan_id": plan_id})
    return tuple(Lease.from_row(row) for row in rows)


def lapsed(connection: Connection, plan_id: UUID) -> tuple[Lease, ...]:
    """What the plan held until it lapsed and holds no more, in the order of the tokens."""
    rows = connection.execute(statements.LAPSED, {"plan_id": plan_id})
    return tuple(Lease.from_row(row) for row in rows)


def live(connection: Connection, *, repo: str, branch: str) -> tuple[Lease, ...]:
    """Every live lease on the branch, in the order of their tokens."""
    rows = connection.execute(statements.LIVE, {"repo": repo, "branch": branch})
    return tuple(Lease.from_row(row) for row in rows)


def _reach(names: Collection[str]) -> tuple[list[str], list[str]]:
    """The ranges of names, by code point, that overlap `names`: lower and upper bounds.

    A name above, and the name itself, is a range of one. The names below `a` lie between "a." and
    "a/", because "/" follows "." and no dotted name ends with it.
    """
    parts = (name.split(".") for name in names)
    above = {".".join(path[:length]) for path in parts for length in range(1, len(path) + 1)}
    ranges = [*((name, name) for name in above), *((f"{name}.", f"{name}/") for name in names)]
    return [low for low, _ in ranges], [high for _, high in ranges]


def _conflict(held: Any) -> LeaseConflict:
    """The refusal by the lease in a row of LOOK or TAKE."""
    return LeaseConflict(
        held.fq_name,
        str(held.plan_id),
        held.reserved_at.isoformat(timespec="seconds"),
        held.expires_at.isoformat(timespec="seconds"),
    )


def _describe(connection: Connection, lease_id: UUID) -> str:
    row = connection.execute(statements.LOOK_UP, {"id": lease_id}).one_or_none()
    if row is None:
        return "none with this id"
    return f"it {row.state} with token {row.token}, expiry {row.expires_at.isoformat()}"
