"""Figures of commits: what was measured at each, and which commits did best by one of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from selfheal.contracts.evolution import CommitMetric


def note(connection: Connection, repo: str, sha: str, metrics: Sequence[CommitMetric]) -> None:
    """Keep these figures of a commit; of one that was measured before, the new value counts.

    Race closed: two that measure one commit. Each figure is one row, and the last writer's.
    """
    for metric in sorted(metrics, key=lambda one: one.name):  # always in one order: no deadlock
        values = {"repo": repo, "sha": sha, **metric.model_dump()}
        connection.execute(_NOTE, values)


def of_commit(connection: Connection, repo: str, sha: str) -> tuple[CommitMetric, ...]:
    """The figures of one commit by name."""
    rows = connection.execute(_OF_COMMIT, {"repo": repo, "sha": sha})
    return tuple(CommitMetric(**row._mapping) for row in rows)


def best(
    connection: Connection, repo: str, name: str, *, limit: int, without: str
) -> tuple[str, ...]:
    """The commits with the best values of a figure, best first; of equal ones the newest first."""
    values = {"repo": repo, "name": name, "limit": limit, "without": without}
    return tuple(connection.execute(_BEST, values).scalars())


_NOTE = text(
    "INSERT INTO commit_metrics"
    " (repo, commit_sha, name, value, unit, higher_is_better, summary)"
    " VALUES (:repo, :sha, :name, :value, :unit, :higher_is_better, :summary)"
    " ON CONFLICT (repo, commit_sha, name) DO UPDATE SET value = excluded.value,"
    " unit = excluded.unit, higher_is_better = excluded.higher_is_better,"
    " summary = excluded.summary, measured_at = clock_timestamp()"
)

_OF_COMMIT = text(
    "SELECT name, value, unit, higher_is_better, summary FROM commit_metrics"
    " WHERE repo = :repo AND commit_sha = :sha ORDER BY name"
)

_BEST = text(
    "SELECT commit_sha FROM commit_metrics"
    " WHERE repo = :repo AND name = :name AND commit_sha <> :without"
    " ORDER BY CASE WHEN higher_is_better THEN -value ELSE value END, measured_at DESC, commit_sha"
    " LIMIT :limit"
)
