"""Where derived data is kept, by kind and git blob: on this host, or shared by all of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol


class BlobStore(Protocol):
    """Keeps bytes by kind and blob id. It is a cache: what is lost is derived again.

    A kind names what was derived, from which language and by which version of the code that derives
    it (`facts/python/3`), so that data of another version is never read. Any number of processes
    may use one store; data of one kind and blob is always the same, so the last writer wins.
    """

    def get_many(self, kind: str, blobs: Collection[str]) -> dict[str, bytes]:
        """What is kept of these blobs, by blob id; those that are unknown are left out."""

    def known(self, kind: str, blobs: Collection[str]) -> set[str]:
        """Those of the blobs of which something is kept, without bringing it."""

    def put_many(self, kind: str, derived: Mapping[str, bytes]) -> None:
        """Keep this, by blob id."""


class MemoryStore:
    """A store that ends with its process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def get_many(self, kind: str, blobs: Collection[str]) -> dict[str, bytes]:
        """As the protocol says."""
        return {blob: self._kept[kind, blob] for blob in blobs if (kind, blob) in self._kept}

    def known(self, kind: str, blobs: Collection[str]) -> set[str]:
        """As the protocol says."""
        return {blob for blob in blobs if (kind, blob) in self._kept}

    def put_many(self, kind: str, derived: Mapping[str, bytes]) -> None:
        """As the protocol says."""
        self._kept.update({(kind, blob): data for blob, data in derived.items()})


class Layered:
    """A near store before a far one: what the far one knows is kept near when it is asked for."""

    def __init__(self, near: BlobStore, far: BlobStore) -> None:
        self._near = near
        self._far = far

    def get_many(self, kind: str, blobs: Collection[str]) -> dict[str, bytes]:
        """As the protocol says."""
        found = self._near.get_many(kind, blobs)
        missing = [blob for blob in blobs if blob not in found]
        if missing:
            fetched = self._far.get_many(kind, missing)
            self._near.put_many(kind, fetched)
            found.update(fetched)
        return found

    def known(self, kind: str, blobs: Collection[str]) -> set[str]:
        """As the protocol says; what only the far store knows is known."""
        near = self._near.known(kind, blobs)
        missing = [blob for blob in blobs if blob not in near]
        return near | self._far.known(kind, missing) if missing else near

    def put_many(self, kind: str, derived: Mapping[str, bytes]) -> None:
        """As the protocol says."""
        self._near.put_many(kind, derived)
        self._far.put_many(kind, derived)
