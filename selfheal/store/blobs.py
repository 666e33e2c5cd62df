"""Derived data in PostgreSQL, so that the hosts of a farm share one index.

A row's data never changes: it is what any process derives from that blob. So there is no race but
two that write the same rows: they insert in one order, lest each wait for the other, and the second
one leaves what it finds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import text

from selfheal.store.database import Database

_GET = text("SELECT blob, data FROM blobs WHERE kind = :kind AND blob = ANY(:blobs)")

_KNOWN = text("SELECT blob FROM blobs WHERE kind = :kind AND blob = ANY(:blobs)")

# Once a day is enough to know what is used; SKIP LOCKED, for whoever has the row does the same.
_TOUCH = text(
    "UPDATE blobs SET used_at = clock_timestamp() WHERE (kind, blob) IN ("
    "SELECT kind, blob FROM blobs WHERE kind = :kind AND blob = ANY(:blobs)"
    " AND used_at < clock_timestamp() - interval '1 day'"
    " ORDER BY blob FOR NO KEY UPDATE SKIP LOCKED)"
)

_PUT = text(
    "INSERT INTO blobs (kind, blob, data) SELECT :kind, one.blob, one.data"
    " FROM unnest(CAST(:blobs AS text[]), CAST(:data AS bytea[])) AS one (blob, data)"
    " ORDER BY one.blob ON CONFLICT DO NOTHING"
)

_AT_ONCE = 500
"""Rows of one statement: some megabytes."""


class SharedStore:
    """A `BlobStore` for all hosts; `retention.blobs_days` bounds it. Raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_many(self, kind: str, blobs: Collection[str]) -> dict[str, bytes]:
        """As the protocol says."""
        found: dict[str, bytes] = {}
        for some in _portions(list(blobs)):
            with self._database.statement() as connection:
                values = {"kind": kind, "blobs": some}
                rows = connection.execute(_GET, values)
                found.update((row.blob, bytes(row.data)) for row in rows)
                connection.execute(_TOUCH, values)
        return found

    def known(self, kind: str, blobs: Collection[str]) -> set[str]:
        """As the protocol says."""
        with self._database.statement() as connection:
            values = {"kind": kind, "blobs": list(blobs)}
            return set(connection.execute(_KNOWN, values).scalars())

    def put_many(self, kind: str, derived: Mapping[str, bytes]) -> None:
        """As the protocol says."""
        for some in _portions(list(derived)):
            values = {"kind": kind, "blobs": some, "data": [derived[blob] for blob in some]}
            with self._database.statement() as connection:
                connection.execute(_PUT, values)


def _portions(blobs: list[str]) -> list[list[str]]:
    return [blobs[start : start + _AT_ONCE] for start in range(0, len(blobs), _AT_ONCE)]
