"""Registered repositories: whose health is watched, and what failed when it was last looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, text

from selfheal.errors import InvalidInput, UnknownId


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryRow:
    """One registered repository. `failing` is None before its first scan."""

    id: UUID
    name: str
    url: str
    branch: str
    test_command: str | None
    scanned_sha: str | None
    failing: tuple[str, ...] | None
    scanned_at: datetime | None
    created_at: datetime
    created_by: str


def add(
    connection: Connection, *, name: str, url: str, branch: str, test_command: str | None, by: str
) -> RepositoryRow:
    """Register a branch of a repository; raises InvalidInput when it is, or its name is taken.

    Race closed: two registrations at the same time. The unique constraints let one of them in.
    """
    row = connection.execute(
        text(
            "INSERT INTO repositories (name, url, branch, test_command, created_by)"
            " VALUES (:name, :url, :branch, :test_command, :by)"
            " ON CONFLICT DO NOTHING RETURNING *"
        ),
        {"name": name, "url": url, "branch": branch, "test_command": test_command, "by": by},
    ).one_or_none()
    if row is None:
        raise InvalidInput(
            f"{url} {branch} is watched already, or something else is called {name}: see "
            "`selfheal watch-repo list`, and give another one a --name"
        )
    return _row(row)


def load(connection: Connection, name: str) -> RepositoryRow:
    """The repository of this name; raises UnknownId, which names those there are."""
    row = connection.execute(
        text("SELECT * FROM repositories WHERE name = :name"), {"name": name}
    ).one_or_none()
    if row is not None:
        return _row(row)
    known = ", ".join(one.name for one in every(connection)) or "none yet"
    raise UnknownId(f"no watched repository is called {name!r}; there are: {known}")


def of_id(connection: Connection, repository_id: UUID) -> RepositoryRow:
    """The repository; raises UnknownId when it is watched no more."""
    row = connection.execute(
        text("SELECT * FROM repositories WHERE id = :id"), {"id": repository_id}
    ).one_or_none()
    if row is None:
        raise UnknownId(f"repository {repository_id} is watched no more")
    return _row(row)


def lock(connection: Connection, repository_id: UUID) -> RepositoryRow:
    """The same, held until the transaction ends.

    Race closed: two scans that compare with the same earlier one would both find its news.
    """
    connection.execute(
        text("SELECT 1 FROM repositories WHERE id = :id FOR UPDATE"), {"id": repository_id}
    )
    return of_id(connection, repository_id)


def every(connection: Connection) -> tuple[RepositoryRow, ...]:
    """All of them by name."""
    rows = connection.execute(text("SELECT * FROM repositories ORDER BY name"))
    return tuple(_row(row) for row in rows)


def note_scan(
    connection: Connection, repository_id: UUID, *, sha: str, failing: Sequence[str]
) -> None:
    """Keep what failed at this head: the next scan is compared with it."""
    connection.execute(
        text(
            "UPDATE repositories SET scanned_sha = :sha, failing = :failing,"
            " scanned_at = clock_timestamp() WHERE id = :id"
        ),
        {"id": repository_id, "sha": sha, "failing": list(failing)},
    )


def remove(connection: Connection, repository_id: UUID) -> None:
    """Watch it no more; its schedules must have been removed."""
    connection.execute(text("DELETE FROM repositories WHERE id = :id"), {"id": repository_id})


def urls_in_use(connection: Connection, *, days: float) -> tuple[str, ...]:
    """What is watched, worked at, or was asked about within `days`: URLs as they were given."""
    rows = connection.execute(
        text(
            "SELECT url FROM repositories UNION SELECT repo FROM change_requests"
            " WHERE ended_at IS NULL"
            " OR received_at > clock_timestamp() - make_interval(secs => :age)"
        ),
        {"age": days * 86_400},
    )
    return tuple(rows.scalars())


def _row(row: Row[tuple[object, ...]]) -> RepositoryRow:
    values = dict(row._mapping)
    failing = values.pop("failing")
    return RepositoryRow(**values, failing=None if failing is None else tuple(failing))
