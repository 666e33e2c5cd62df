"""Between Celery's view of a task's state (its "meta") and the row."""

from __future__ import annotations

import json
from typing import Any

from celery.app.task import Context

from selfheal.results.documents import clean, from_jsonb, refuse_large, shortened, to_jsonb
from selfheal.results.pool import Row
from selfheal.results.rows import TaskState
from selfheal.results.stock import BaseBackend


def state_of(
    backend: BaseBackend,
    task_id: str,
    outcome: Any,
    *,
    state: str,
    traceback: str | None,
    request: Context | None,
    limit: int,
) -> TaskState:
    """The row of a state. `outcome` is what `encode_result` made of a value or an exception.

    Raises EncodeError for a value of more than `limit` bytes; an exception is cut to it.
    """
    delivered = getattr(request, "delivery_info", None) or {}
    return TaskState(
        task_id=str(task_id),
        status=state,
        result=to_jsonb(outcome_text(backend, outcome, state=state, limit=limit)),
        traceback=clean(traceback, limit=limit),
        children=_json(backend, backend.current_task_children(request)),
        name=getattr(request, "task", None),
        worker=getattr(request, "hostname", None),
        retries=getattr(request, "retries", None),
        queue=delivered.get("routing_key"),
        group_id=getattr(request, "group", None),
        root_id=getattr(request, "root_id", None),
        parent_id=getattr(request, "parent_id", None),
        **_extended(backend, request, limit=limit),
    )


def outcome_text(backend: BaseBackend, outcome: Any, *, state: str, limit: int) -> str:
    """The JSON of a value or an exception, within `limit` bytes."""
    text: str = backend.encode(outcome)
    if len(text) <= limit:
        return text
    if state in backend.EXCEPTION_STATES:
        return str(backend.encode(shortened(outcome, limit=limit)))
    refuse_large(text, f"the {state} result", limit=limit)
    return text


def meta_of(backend: BaseBackend, row: Row) -> dict[str, Any]:
    """What Celery expects to read, with the exception rebuilt for a failure."""
    documents = {
        column: None if row[column] is None else backend.decode(from_jsonb(row[column]))
        for column in ("result", "children", "args", "kwargs", "stamps")
    }
    stamps = documents.pop("stamps") or {}
    meta = {**row, **documents, **stamps, "date_done": row["finished_at"]}
    decoded: dict[str, Any] = backend.meta_from_decoded(meta)
    return decoded


def _extended(backend: BaseBackend, request: Context | None, *, limit: int) -> dict[str, str]:
    """Arguments and stamps, which may be private: only where `result_extended` asks for them."""
    if request is None or not backend.app.conf.find_value_for_key("extended", "result"):
        return {}
    return {
        name: _bounded(backend, value, limit=limit)
        for name, value in (
            ("args", getattr(request, "args", None)),
            ("kwargs", getattr(request, "kwargs", None)),
            ("stamps", _stamps(request)),
        )
        if value is not None
    }


def _stamps(request: Context) -> dict[str, Any] | None:
    stamps = getattr(request, "stamps", None)
    if not stamps:
        return None
    headers = request.stamped_headers or ()
    chosen = {name: value for name, value in stamps.items() if name in headers}
    return {"stamped_headers": headers, **chosen}


def _bounded(backend: BaseBackend, value: Any, *, limit: int) -> str:
    """Arguments are shown, never used again: too large ones are left out."""
    text = to_jsonb(backend.encode(value))
    if len(text) <= limit:
        return text
    return json.dumps(f"left out: {len(text):,} bytes of JSON, more than {limit:,}")


def _json(backend: BaseBackend, value: Any) -> str | None:
    return backend.encode(value) if value else None
