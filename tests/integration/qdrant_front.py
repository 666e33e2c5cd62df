"""Qdrant's own storage, filters and search (qdrant-edge-py), behind as much of its HTTP as we use.

PyPI, npm and Debian do not have the server itself. What is ours here is the door: it
reads requests by the models of the vendor's client and hands them on.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import qdrant_edge as edge
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from qdrant_client.http import models

from selfheal.service.server import listen

HOST = "127.0.0.1"


class QdrantFront:
    """The server on a loopback port; `asked` are the paths of its requests. Use it in a `with`."""

    def __init__(self, folder: Path, *, api_key: str = "") -> None:
        self.asked: list[str] = []
        self.sent: list[int] = []
        self.shards: dict[str, edge.EdgeShard] = {}
        self._folder = folder
        self._api_key = api_key

    def __enter__(self) -> QdrantFront:
        self._socket = listen(HOST, 0)
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(self._app(), log_config=None, access_log=False, ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self.lose_everything()

    def lose_everything(self) -> None:
        """As a server whose disk was renewed."""
        for name in [*self.shards]:
            self._lose(name)

    def _lose(self, name: str) -> bool:
        shard = self.shards.pop(name, None)
        if shard is not None:
            shard.close()
            shutil.rmtree(self._folder / name)
        return shard is not None

    def points(self, collection: str) -> int:
        """How many points a collection has."""
        return self.shards[collection].count(edge.CountRequest(exact=True))

    def _app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)

        @app.middleware("http")
        async def known_only(request: Request, call_next: Any) -> Any:
            self.asked.append(f"{request.method} {request.url.path}")
            if request.headers.get("api-key", "") != self._api_key:
                return JSONResponse({"status": {"error": "Must provide an API key"}}, 401)
            name = request.url.path.split("/")[2:3]
            rest = request.url.path.split("/")[3:]
            if rest and rest != ["exists"] and name[0] not in self.shards:
                return JSONResponse({"status": {"error": f"Not found: {name[0]}"}}, 404)
            return await call_next(request)

        @app.get("/collections")
        async def collections() -> Any:
            return _told({"collections": [{"name": name} for name in self.shards]})

        @app.get("/collections/{name}/exists")
        async def exists(name: str) -> Any:
            return _told({"exists": name in self.shards})

        @app.put("/collections/{name}")
        async def create(name: str, wanted: models.CreateCollection) -> Any:
            if name in self.shards:
                return JSONResponse({"status": {"error": "already exists"}}, 409)
            folder = self._folder / name
            folder.mkdir(parents=True)
            self.shards[name] = edge.EdgeShard.create(str(folder), _shape(wanted))
            return _told(True)

        @app.delete("/collections/{name}")
        async def lose(name: str) -> Any:
            return _told(self._lose(name))

        @app.put("/collections/{name}/index")
        async def index(name: str, wanted: models.CreateFieldIndex) -> Any:
            assert wanted.field_schema == models.PayloadSchemaType.INTEGER
            kind = edge.PayloadSchemaType.Integer
            operation = edge.UpdateOperation.create_field_index(wanted.field_name, kind)
            self.shards[name].update(operation)
            return _told({"operation_id": 1, "status": "completed"})

        @app.post("/collections/{name}/points")
        async def retrieve(name: str, wanted: models.PointRequest) -> Any:
            found = self.shards[name].retrieve(list(wanted.ids), False, False)
            return _told([{"id": str(point.id)} for point in found])

        @app.put("/collections/{name}/points")
        async def upsert(name: str, wanted: models.PointsList) -> Any:
            points = [edge.Point(p.id, _vector(p.vector), p.payload) for p in wanted.points]
            self.sent.append(len(points))
            self.shards[name].update(edge.UpdateOperation.upsert_points(points))
            return _told({"operation_id": 1, "status": "completed"})

        @app.post("/collections/{name}/points/query")
        async def query(name: str, wanted: models.QueryRequest) -> Any:
            found = self.shards[name].query(_query(wanted))
            return _told(
                {"points": [{"id": str(p.id), "version": 0, "score": p.score} for p in found]}
            )

        @app.post("/collections/{name}/points/delete")
        async def delete(name: str, wanted: models.FilterSelector) -> Any:
            operation = edge.UpdateOperation.delete_points_by_filter(_filter(wanted.filter))
            self.shards[name].update(operation)
            return _told({"operation_id": 1, "status": "completed"})

        return app


def _told(result: Any) -> Mapping[str, Any]:
    return {"result": result, "status": "ok", "time": 0.0}


def _shape(wanted: models.CreateCollection) -> edge.EdgeConfig:
    sparse = {name: edge.EdgeSparseVectorParams() for name in wanted.sparse_vectors or {}}
    if not isinstance(wanted.vectors, models.VectorParams):
        return edge.EdgeConfig(sparse_vectors=sparse)
    assert wanted.vectors.distance == models.Distance.COSINE
    dense = edge.EdgeVectorParams(wanted.vectors.size, edge.Distance.Cosine)
    return edge.EdgeConfig(vectors=dense, sparse_vectors=sparse or None)


def _vector(given: Any) -> Any:
    if isinstance(given, models.SparseVector):
        return edge.SparseVector(given.indices, given.values)
    if isinstance(given, dict):
        return {name: _vector(one) for name, one in given.items()}
    return given


def _query(wanted: models.QueryRequest) -> edge.QueryRequest:
    given = wanted.query.nearest if isinstance(wanted.query, models.NearestQuery) else wanted.query
    assert wanted.filter is not None
    assert wanted.params is not None
    assert wanted.params.exact is True
    return edge.QueryRequest(
        limit=wanted.limit or 10,
        query=edge.Query.Nearest(_vector(given), wanted.using),
        filter=_filter(wanted.filter),
        params=edge.SearchParams(exact=True),
    )


def _filter(wanted: models.Filter) -> edge.Filter:
    assert isinstance(wanted.must, list)
    return edge.Filter(must=[_condition(one) for one in wanted.must])


def _condition(wanted: Any) -> Any:
    if isinstance(wanted, models.HasIdCondition):
        return edge.HasIdCondition(set(wanted.has_id))
    assert isinstance(wanted, models.FieldCondition)
    assert isinstance(wanted.range, models.Range)
    return edge.FieldCondition(wanted.key, range=edge.RangeFloat(lt=wanted.range.lt))
