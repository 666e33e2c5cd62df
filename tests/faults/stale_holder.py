"""Begins attempts on demand, and comes back to each of them later: `stale_holder.py DATABASE_URL`.

For each line of standard input, a `Task` as JSON, it begins an attempt and says so. After the next
line it tries all that the attempt's token and leases once allowed, and tells what came of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parents[2]))

from selfheal.contracts import names
from selfheal.contracts.commit_result import CommitResult
from selfheal.contracts.plan import Symbol
from selfheal.dispatch.settle import settle
from selfheal.errors import Fenced
from selfheal.leases import reservations
from selfheal.leases.lease import Lease
from selfheal.store import attempts
from selfheal.store.attempts import Attempt, Work
from selfheal.store.database import Database
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.refs import Refs

SYMBOL = Symbol(fq_name="shop.stock.left", kind="function", file_path="shop/stock.py")
TTL_SECONDS = 0.2


@dataclass(frozen=True)
class Task:
    """What to work at, and what to push to where at the end."""

    id: str
    request_id: str
    plan_id: str
    mirrors: str
    origin: str
    ref: str
    sha: str


def main() -> None:
    """Until the input ends."""
    database = Database(sys.argv[1])
    for line in sys.stdin:
        task = Task(**json.loads(line))
        attempt, leases = _begin(database, task)
        print(attempt.token, flush=True)
        sys.stdin.readline()
        print(json.dumps(_try_all(database, task, attempt, leases)), flush=True)


def _begin(database: Database, task: Task) -> tuple[Attempt, tuple[Lease, ...]]:
    work = Work(names.CODE, UUID(task.id), UUID(task.request_id))
    with database.begin() as connection:
        leases = reservations.reserve(
            connection,
            repo=task.origin,
            branch="main",
            symbols=[SYMBOL],
            plan_id=UUID(task.plan_id),
            ttl_seconds=TTL_SECONDS,
        )
        begun = attempts.begin(
            connection, work, worker="holder:1", message_id=None, dead_after=60.0
        )
        assert begun is not None
        return begun, leases


def _try_all(
    database: Database, task: Task, attempt: Attempt, leases: tuple[Lease, ...]
) -> dict[str, str]:
    result = CommitResult(task_id=UUID(task.id), status="SUCCESS", commit_sha=task.sha)

    def write_result() -> None:
        with database.begin() as connection:
            settle(connection, attempt, result)

    def keep_checkpoint() -> None:
        with database.begin() as connection:
            attempts.checkpoint(connection, attempt, "late", {})

    def claim_leases() -> None:
        with database.begin() as connection:
            for lease in leases:
                reservations.claim(connection, lease.id, lease.token, commit_sha=task.sha)

    def push() -> None:
        mirror = Mirror.open(Path(task.mirrors), task.origin)
        Refs(mirror).push(task.sha, task.ref, expect=None)

    tried = (write_result, keep_checkpoint, claim_leases, push)
    return {one.__name__: _outcome(one) for one in tried}


def _outcome(act: Callable[[], None]) -> str:
    try:
        act()
    except Fenced:
        return "refused"
    return "done"


if __name__ == "__main__":
    main()
