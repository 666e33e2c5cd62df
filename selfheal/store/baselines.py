"""Baselines: the outcome of every test at a commit, kept for the whole farm."""

from __future__ import annotations

from sqlalchemy import Connection, text

from selfheal.store.database import Database


def fetch(connection: Connection, key: str) -> str | None:
    """The document under this key, as JSON."""
    document = connection.execute(
        text("SELECT document::text FROM baselines WHERE key = :key"), {"key": key}
    ).scalar()
    return None if document is None else str(document)


def keep(connection: Connection, key: str, document: str, *, repo: str, sha: str) -> None:
    """Stores the document unless one is there: of n workers that measured, the first counts."""
    connection.execute(
        text(
            "INSERT INTO baselines (key, repo, commit_sha, document)"
            " VALUES (:key, :repo, :sha, CAST(:document AS jsonb)) ON CONFLICT (key) DO NOTHING"
        ),
        {"key": key, "repo": repo, "sha": sha, "document": document},
    )


class BaselineRows:
    """The shelf of baselines in a database; each call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> str | None:
        """The document under this key, as JSON."""
        with self._database.begin() as connection:
            return fetch(connection, key)

    def put(self, key: str, document: str, *, repo: str, sha: str) -> str:
        """Stores the document unless one is there; gives the one that is there now."""
        with self._database.begin() as connection:
            keep(connection, key, document, repo=repo, sha=sha)
            return fetch(connection, key) or document
