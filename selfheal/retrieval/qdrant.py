"""Qdrant as the vector engine: one index for all hosts, in a server of its own."""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import UUID

from selfheal.client.circuit import Circuit
from selfheal.errors import CircuitOpen, EngineUnavailable
from selfheal.retrieval.engine import Points, Vector

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

    from selfheal.settings import IndexSettings

AT_ONCE: Final = 128
"""Points of one request: some megabytes, with vectors of 1,536 places."""

LEFT_ALONE_SECONDS: Final = 30.0
"""After a failure, lest each plan wait for a server that is silent."""

PREFIX: Final = "selfheal-"
"""How our collections are called, beside those of others."""

_WORDS: Final = "words"
_PUT_ON: Final = "put_on"
_DAY_SECONDS: Final = 86_400


class QdrantEngine:
    """A `VectorEngine` that keeps vectors in a server, a collection for each space.

    A point is named by what its vector was made from, so only what the server lacks is sent. It is
    compared exactly: an approximation would give another answer than the other engines. A request
    takes at most `seconds`, and so does sending; what was sent is there for the next question.
    """

    name = "Qdrant"

    def __init__(self, url: str, *, api_key: str | None = None, seconds: float = 5.0) -> None:
        self._url = url
        self._api_key = api_key
        self._seconds = seconds
        self._circuit = Circuit(self.name, failures=1, open_seconds=LEFT_ALONE_SECONDS)

    @classmethod
    def of(cls, chosen: IndexSettings) -> Self | None:
        """The one that the settings name; None where they name none."""
        if chosen.qdrant_url is None:
            return None
        key = chosen.qdrant_api_key
        return cls(
            chosen.qdrant_url,
            api_key=key.get_secret_value() if key else None,
            seconds=chosen.qdrant_seconds,
        )

    def cosines(self, query: str, points: Points) -> Mapping[str, float]:
        """As the protocol says."""
        if not points.keys:
            return {}
        collection = collection_of(points.space)
        ids = {_point_id(key): key for key in points.keys}
        with self._asking():
            there = self._there(collection, list(ids))
        missing = {one: key for one, key in ids.items() if one not in there}
        # Outside of what is timed and counted against the server: a model may take minutes for it.
        vectors = points.make([query, *missing.values()])
        with self._asking():
            if not there:
                self._create(collection, like=vectors[query])
            taken = self._add(collection, {one: vectors[key] for one, key in missing.items()})
            in_time = taken == len(missing)
            scores = self._compared(collection, vectors[query], list(ids)) if in_time else {}
        if not in_time:
            raise EngineUnavailable(
                f"expected {len(missing)} new vectors to be taken in {self._seconds:g} s, found"
                f" {taken} of them taken: ask again, or raise index.qdrant_seconds"
            )
        return {ids[one]: score for one, score in scores.items()}

    def look(self) -> None:
        """Ask it for anything; raises EngineUnavailable, saying why."""
        with self._asking():
            self._client.get_collections()

    def forget(self, *, days: float) -> None:
        """Delete what was put so long ago; what is in use is sent again. As `cosines` raises."""
        with self._asking():
            from qdrant_client import models

            before = models.Range(lt=_today() - days)
            old = models.Filter(must=[models.FieldCondition(key=_PUT_ON, range=before)])
            for one in self._client.get_collections().collections:
                if one.name.startswith(PREFIX):
                    selector = models.FilterSelector(filter=old)
                    self._client.delete(one.name, points_selector=selector, wait=True)

    def close(self) -> None:
        """Close the connections; the next question opens them again."""
        if client := vars(self).pop("_client", None):
            client.close()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Around what is asked of the server; after a failure nothing is for a while."""
        try:
            with self._circuit.guard(EngineUnavailable), _answering():
                yield
        except CircuitOpen as error:
            raise EngineUnavailable(str(error)) from error

    @cached_property
    def _client(self) -> QdrantClient:
        # Loading it takes a second, which processes without an engine need not wait.
        from qdrant_client import QdrantClient

        return QdrantClient(
            url=self._url,
            # As a header by ourselves: as `api_key` it would be warned of at each loopback server.
            headers={"api-key": self._api_key} if self._api_key else None,
            timeout=math.ceil(self._seconds),
            check_compatibility=False,  # by a thread that asks the server and prints
        )

    def _there(self, collection: str, ids: Sequence[str]) -> set[str]:
        """Those of the points that the server has; none of a collection that it does not have."""
        from qdrant_client.http.exceptions import UnexpectedResponse

        try:
            found = self._client.retrieve(collection, ids, with_payload=False, with_vectors=False)
        except UnexpectedResponse as error:
            if error.status_code != 404:
                raise
            return set()
        return {str(point.id) for point in found}

    def _create(self, collection: str, *, like: Vector) -> None:
        """Make the collection, unless it is there by now."""
        from qdrant_client import models
        from qdrant_client.http.exceptions import UnexpectedResponse

        if self._client.collection_exists(collection):
            return
        shape: dict[str, Any]
        if isinstance(like, Mapping):
            shape = {
                "vectors_config": {},
                "sparse_vectors_config": {_WORDS: models.SparseVectorParams()},
            }
        else:
            cosine = models.Distance.COSINE
            shape = {"vectors_config": models.VectorParams(size=len(like), distance=cosine)}
        try:
            self._client.create_collection(collection, **shape)
        except UnexpectedResponse as error:
            if error.status_code != 409:  # another host was faster
                raise
        # Servers may refuse to filter by what has no index.
        kind = models.PayloadSchemaType.INTEGER
        self._client.create_payload_index(collection, _PUT_ON, field_schema=kind, wait=True)

    def _add(self, collection: str, vectors: Mapping[str, Vector]) -> int:
        """Send points for as long as there is time; says how many were taken."""
        from qdrant_client import models

        payload = {_PUT_ON: _today()}
        points = [
            models.PointStruct(id=one, vector=_stored(vector), payload=payload)
            for one, vector in vectors.items()
        ]
        until = time.monotonic() + self._seconds
        for start in range(0, len(points), AT_ONCE):
            if time.monotonic() > until:
                return start
            self._client.upsert(collection, points[start : start + AT_ONCE], wait=True)
        return len(points)

    def _compared(self, collection: str, query: Vector, ids: Sequence[str]) -> dict[str, float]:
        from qdrant_client import models

        sparse = isinstance(query, Mapping)
        found = self._client.query_points(
            collection,
            query=_sparse(query) if isinstance(query, Mapping) else list(query),
            using=_WORDS if sparse else None,
            query_filter=models.Filter(must=[models.HasIdCondition(has_id=list(ids))]),
            search_params=models.SearchParams(exact=True),
            limit=len(ids),
            with_payload=False,
        )
        return {str(point.id): point.score for point in found.points}


def collection_of(space: str) -> str:
    """The name of a space's collection."""
    return PREFIX + re.sub(r"[^A-Za-z0-9_.]+", "-", space)


def _point_id(key: str) -> str:
    """By its key alone, on every host. Qdrant takes UUIDs and numbers."""
    digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()
    return str(UUID(bytes=digest[:16], version=5))


def _stored(vector: Vector) -> Any:
    return {_WORDS: _sparse(vector)} if isinstance(vector, Mapping) else list(vector)


def _sparse(vector: Mapping[int, float]) -> Any:
    from qdrant_client import models

    return models.SparseVector(indices=list(vector), values=list(vector.values()))


def _today() -> int:
    return int(time.time()) // _DAY_SECONDS


@contextmanager
def _answering() -> Iterator[None]:
    """What the client raises, as EngineUnavailable."""
    try:
        from qdrant_client.common.client_exceptions import QdrantException
        from qdrant_client.http.exceptions import ApiException
    except ImportError as error:
        raise EngineUnavailable(
            "the extra `qdrant` is not installed: pip install 'selfheal[qdrant]'"
        ) from error
    try:
        yield
    # The last two are what the client makes of an answer that is not Qdrant's.
    except (ApiException, QdrantException, ValueError, AssertionError) as error:
        raise EngineUnavailable(_told(error)) from error


def _told(error: Exception) -> str:
    cause = getattr(error, "source", error)
    return " ".join(f"{type(cause).__name__}: {cause}".split())[:300]
