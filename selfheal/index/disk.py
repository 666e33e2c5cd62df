"""Derived data in one SQLite file of this host, for any number of processes."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from selfheal import late_log

if TYPE_CHECKING:
    from selfheal.settings import Settings

FILE_NAME: Final = "index.sqlite"
MAX_BYTES: Final = 2 << 30

# "heal" as a number: SQLite keeps it in the file, and a file without it is not ours.
_OURS: Final = 0x6865616C
_SCHEMA: Final = 1

_BUSY_SECONDS: Final = 10.0
_BOUND: Final = 500
"""Values in one statement: old builds of SQLite allow 999."""
_FRESH_SECONDS: Final = 3600
"""A use is noted once in this time, so that reading hardly ever writes."""
_EVICTED_AT_ONCE: Final = 512

_CREATE: Final = f"""
PRAGMA application_id = {_OURS};
PRAGMA user_version = {_SCHEMA};
CREATE TABLE kinds (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE derived (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    blob BLOB NOT NULL,
    used INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE UNIQUE INDEX by_blob ON derived (kind, blob);
CREATE INDEX by_use ON derived (used);
"""

_ADD_KIND: Final = "INSERT OR IGNORE INTO kinds (name) VALUES (?)"
_KIND: Final = "SELECT id FROM kinds WHERE name = ?"
# Two that derived the same wrote the same: the first one stays.
_PUT: Final = "INSERT OR IGNORE INTO derived (kind, blob, used, data) VALUES (?, ?, ?, ?)"
_GET: Final = "SELECT blob, data, used, id FROM derived WHERE kind = ? AND blob IN ({})"
_KNOWN: Final = "SELECT blob FROM derived WHERE kind = ? AND blob IN ({})"
_TOUCH: Final = "UPDATE derived SET used = ? WHERE id = ?"
_EVICT: Final = "DELETE FROM derived WHERE id IN (SELECT id FROM derived ORDER BY used LIMIT ?)"
_LIVE_PAGES: Final = (
    "SELECT (p.page_count - f.freelist_count) * s.page_size"
    " FROM pragma_page_count p, pragma_freelist_count f, pragma_page_size s"
)

Answer = TypeVar("Answer")


class DiskStore:
    """A `BlobStore` of at most `max_bytes`; what was not used for longest goes first.

    It is a cache and nothing else: a file that is broken or not ours is set aside and begun anew,
    and where nothing can be read or written (a full disk) it knows nothing, and says so in the
    log. Close it, or use it in a `with`.
    """

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.file = folder / FILE_NAME
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._owner = 0

    @classmethod
    def of_this_host(cls, settings: Settings) -> Self:
        """The one in the run folder, for all processes of the farm."""
        return cls(settings.run_folder / "index", max_bytes=settings.index.disk_bytes)

    def get_many(self, kind: str, blobs: Collection[str]) -> dict[str, bytes]:
        """As the protocol says."""
        return self._answered(lambda connection: self._get(connection, kind, blobs)) or {}

    def known(self, kind: str, blobs: Collection[str]) -> set[str]:
        """As the protocol says."""
        found = self._answered(
            lambda connection: {row[0].hex() for row in _rows(connection, _KNOWN, kind, blobs)}
        )
        return found or set()

    def put_many(self, kind: str, derived: Mapping[str, bytes]) -> None:
        """As the protocol says."""
        if derived:
            self._answered(lambda connection: self._put(connection, kind, derived))

    def close(self) -> None:
        """Close the file; the next question opens it again."""
        with self._lock:
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _get(
        self, connection: sqlite3.Connection, kind: str, blobs: Collection[str]
    ) -> dict[str, bytes]:
        now, found, stale = int(time.time()), {}, []
        for blob, data, used, row in _rows(connection, _GET, kind, blobs):
            found[blob.hex()] = data
            if used < now - _FRESH_SECONDS:
                stale.append((now, row))
        if stale:
            with connection:
                connection.executemany(_TOUCH, stale)
        return found

    def _put(self, connection: sqlite3.Connection, kind: str, derived: Mapping[str, bytes]) -> None:
        now = int(time.time())
        with connection:
            connection.execute(_ADD_KIND, (kind,))
            number = connection.execute(_KIND, (kind,)).fetchone()[0]
            rows = ((number, bytes.fromhex(blob), now, data) for blob, data in derived.items())
            connection.executemany(_PUT, rows)
        while connection.execute(_LIVE_PAGES).fetchone()[0] > self._max_bytes:
            with connection:
                if not connection.execute(_EVICT, (_EVICTED_AT_ONCE,)).rowcount:
                    break

    def _answered(self, ask: Callable[[sqlite3.Connection], Answer]) -> Answer | None:
        """What the file answers; None where it cannot, after it was begun anew if it is broken."""
        with self._lock:
            try:
                return ask(self._open())
            except (sqlite3.OperationalError, OSError) as error:
                self._close()
                late_log.warning(f"{self.file} cannot be used: {error}", action="index.unusable")
            except sqlite3.DatabaseError as error:
                self._set_aside(error)
            return None

    def _open(self) -> sqlite3.Connection:
        """The connection of this process: one from before a fork belongs to the parent."""
        if self._connection is None or self._owner != os.getpid():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _connected(self.file)
            self._owner = os.getpid()
            _prepare(self._connection)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None and self._owner == os.getpid():
            self._connection.close()
        self._connection = None

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        """Move the file out of the way, unless another process has just done so."""
        self._close()
        late_log.warning(f"{self.file} is begun anew: {error}", action="index.begun_anew")
        if _is_broken(self.file):
            for ending in ("", "-wal", "-shm"):
                file = self.file.with_name(self.file.name + ending)
                if file.exists():
                    file.replace(self.file.with_name(f"{FILE_NAME}.broken{ending}"))


def _rows(
    connection: sqlite3.Connection, statement: str, kind: str, blobs: Collection[str]
) -> Iterator[tuple[Any, ...]]:
    """What the statement finds of the blobs, asked for as many at once as SQLite takes."""
    number = connection.execute(_KIND, (kind,)).fetchone()
    asked = list(map(bytes.fromhex, blobs)) if number is not None else []
    for start in range(0, len(asked), _BOUND):
        some = asked[start : start + _BOUND]
        marks = ",".join("?" * len(some))
        yield from connection.execute(statement.format(marks), (number[0], *some))


def _connected(file: Path) -> sqlite3.Connection:
    # A lock of our own stands around every use, so any thread of the process may come.
    return sqlite3.connect(file, timeout=_BUSY_SECONDS, check_same_thread=False)


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables in a new file; raises sqlite3.DatabaseError for a file that is not ours."""
    # What the power takes from a cache is derived again.
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
    if not _is_ours(connection):
        with connection:
            connection.execute("BEGIN IMMEDIATE")  # of two that begin a file, the second finds it
            if not _is_ours(connection):
                for statement in _CREATE.split(";"):
                    connection.execute(statement)


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Whether the tables are there; False for an empty file."""
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    schema = connection.execute("PRAGMA user_version").fetchone()[0]
    if (owner, schema) == (_OURS, _SCHEMA):
        return True
    if owner or schema or connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise sqlite3.DatabaseError(f"expected an index of version {_SCHEMA}, found another file")
    return False


def _is_broken(file: Path) -> bool:
    """Whether the file, as it is by now, cannot be used as an index."""
    try:
        with closing(_connected(file)) as connection:
            _prepare(connection)
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
    except sqlite3.DatabaseError as error:
        return not isinstance(error, sqlite3.OperationalError)
