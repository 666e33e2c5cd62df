"""Results of tasks and groups as Celery reads and writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
from celery import Celery, states
from celery.exceptions import ImproperlyConfigured
from celery.result import GroupResult, result_from_tuple
from typing_extensions import override

from selfheal.results import statements
from selfheal.results.documents import from_jsonb, to_jsonb
from selfheal.results.meta import meta_of, state_of
from selfheal.results.options import Options
from selfheal.results.pool import Pool, conninfo, pool_for
from selfheal.results.rows import TaskState
from selfheal.results.stock import BaseBackend
from selfheal.results.waiting import looks

MAX_RETRIES = 10
"""Unless `result_backend_max_retries` is set. With Celery's pauses: about ten seconds in all."""


class StoredResults(BaseBackend):  # type: ignore[misc]
    """One row per task id, one per saved group; no chords yet.

    The methods are Celery's, and documented there. What fails because PostgreSQL is away is
    repeated with growing pauses: every statement may be repeated without harm.
    """

    supports_native_join = True
    supports_failure_expires = True

    def __init__(self, app: Celery, url: str | None = None, **kwargs: Any) -> None:
        _refuse(url, serializer=kwargs.get("serializer") or app.conf.result_serializer)
        super().__init__(app, url=url, **kwargs)
        self._options = Options.of(app.conf.result_backend_transport_options or {})
        if not app.conf.value_set_for("result_backend_always_retry"):
            self.always_retry = True
        if not app.conf.value_set_for("result_backend_max_retries"):
            self.max_retries = MAX_RETRIES

    @override
    def __reduce__(self, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        return super().__reduce__(args, {**(kwargs or {}), "url": self.url})

    @property
    def pool(self) -> Pool:
        """The connections of this process: a forked child gets its own."""
        return pool_for(self.url or "", size=int(self._options.pool_size))

    @override
    def exception_safe_to_retry(self, exc: BaseException) -> bool:
        return isinstance(exc, psycopg.OperationalError | psycopg.InterfaceError)

    @override
    def on_backend_retryable_error(self, exc: BaseException) -> None:
        del exc
        self.pool.discard_idle()

    @override
    def _store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: str | None = None,
        request: Any = None,
        **kwargs: Any,
    ) -> Any:
        del kwargs
        row = self._state(task_id, result, state, traceback, request)
        ready = state in self.READY_STATES
        self.pool.rows(statements.STORE if ready else statements.STORE_RELAXED, row.values())
        return result

    def _state(
        self, task_id: str, result: Any, state: str, traceback: str | None, request: Any
    ) -> TaskState:
        return state_of(
            self,
            task_id,
            result,
            state=state,
            traceback=traceback,
            request=request,
            limit=self._limit,
        )

    @property
    def _limit(self) -> int:
        return int(self._options.max_bytes)

    @override
    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        found = dict(self._metas([task_id]))
        return found.get(str(task_id), {"status": states.PENDING, "result": None})

    def _metas(self, task_ids: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        ids = [str(task_id) for task_id in task_ids]
        for row in self.pool.rows(statements.FETCH, {"task_ids": ids}):
            yield row["task_id"], meta_of(self, row)

    @override
    def task_result_exists(self, task_id: str) -> bool:
        values = {"task_id": str(task_id)}
        return bool(self._ensure_retryable(self.pool.count, statements.EXISTS, values))

    @override
    def _forget(self, task_id: str) -> None:
        self.pool.rows(statements.FORGET, {"task_id": str(task_id)})

    @override
    def get_many(
        self,
        task_ids: Iterable[str],
        timeout: float | None = None,
        interval: float | None = 0.5,
        no_ack: bool = True,
        on_message: Any = None,
        on_interval: Any = None,
        max_iterations: int | None = None,
        READY_STATES: frozenset[str] = states.READY_STATES,
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        del no_ack
        missing = set(task_ids)
        for count, _ in enumerate(looks(interval or 0.5, timeout, on_interval), start=1):
            for task_id, meta in self._ready(missing, READY_STATES):
                missing.discard(task_id)
                if on_message:
                    on_message(meta)
                yield task_id, meta
            if not missing or count == max_iterations:
                return

    def _ready(
        self, task_ids: set[str], wanted: frozenset[str]
    ) -> list[tuple[str, dict[str, Any]]]:
        """Those of the tasks that have ended: from the cache, and the others in one query."""
        cached = [(one, self._cache[one]) for one in task_ids if one in self._cache]
        unknown = task_ids.difference(task_id for task_id, _ in cached)
        metas = self._ensure_retryable(lambda: list(self._metas(unknown))) if unknown else []
        self._cache.update({one: meta for one, meta in metas if meta["status"] == states.SUCCESS})
        return [(one, meta) for one, meta in (*cached, *metas) if meta["status"] in wanted]

    @override
    def wait_for(
        self,
        task_id: str,
        timeout: float | None = None,
        interval: float | None = 0.5,
        no_ack: bool = True,
        on_interval: Any = None,
    ) -> dict[str, Any]:
        del no_ack
        self._ensure_not_eager()
        for _ in looks(interval or 0.5, timeout, on_interval):
            meta: dict[str, Any] = self.get_task_meta(task_id)
            if meta["status"] in states.READY_STATES:
                return meta
        raise AssertionError("`looks` ends with an error only")

    @override
    def _save_group(self, group_id: str, result: GroupResult) -> GroupResult:
        document = to_jsonb(self.encode(result.as_tuple()))
        self.pool.rows(statements.SAVE_GROUP, {"group_id": str(group_id), "result": document})
        return result

    @override
    def _restore_group(self, group_id: str) -> dict[str, Any] | None:
        rows = self.pool.rows(statements.FETCH_GROUP, {"group_id": str(group_id)})
        if not rows:
            return None
        restored = result_from_tuple(self.decode(from_jsonb(rows[0]["result"])), self.app)
        return {"task_id": group_id, "result": restored, "date_done": rows[0]["changed_at"]}

    @override
    def _delete_group(self, group_id: str) -> None:
        self.pool.rows(statements.DELETE_GROUP, {"group_id": str(group_id)})


def _refuse(url: str | None, *, serializer: str) -> None:
    if serializer != "json":
        raise ImproperlyConfigured(
            f"result_serializer is {serializer!r}, but this backend stores JSON only (a pickled"
            ' result runs code where it is read): set result_serializer = "json"'
        )
    if not url:
        raise ImproperlyConfigured(
            "the result backend needs a URL: selfheal+postgresql+psycopg://user@host/database"
        )
    conninfo(url)
