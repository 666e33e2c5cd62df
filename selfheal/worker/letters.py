"""From a message that was not taken to the letter that is kept of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid5

from pydantic import JsonValue

from selfheal.contracts.dead_letter import KEPT_BYTES, DeadLetter
from selfheal.redaction import Redactor
from selfheal.redaction.documents import redacted
from selfheal.worker.reading import Incoming

_NAMESPACE = UUID("2f0a1c62-7a8e-5d0b-9c44-5d1f7a60c0de")

LOOKED_AT = 1 << 20
"""Of a body, bytes that are redacted before it is cut to what is kept."""

KEPT_HEADER = 4 << 10
"""Of a text in the headers, characters that are kept at most."""

KEPT_HEADERS = 32 << 10
"""Of all headers as JSON, characters: of longer ones no more is kept than task and id."""


def letter_of(message: Incoming, queue: str, reason: str, redactor: Redactor) -> DeadLetter:
    """What is kept of `message`: redacted, cut, and fit for PostgreSQL."""
    clean = _cleaner(redactor)
    headers = _kept_headers(message, clean)
    # Redacted before it is cut: half a secret is not recognised as one.
    shown = clean(message.body[:LOOKED_AT].decode("utf-8", "replace"))[:KEPT_BYTES]
    same = shown.encode() == message.body and headers == dict(message.headers)
    return DeadLetter(
        id=uuid5(_NAMESPACE, _digest(message, queue)),
        queue=clean(queue),
        task_name=clean(message.task_name)[:255],
        reason=clean(reason)[:1_000],
        headers=headers,
        content_type=clean(message.content_type)[:255],
        content_encoding=clean(message.content_encoding)[:255],
        body=shown,
        complete=same,
    )


def _digest(message: Incoming, queue: str) -> str:
    identity = repr((queue, message.task_name, message.headers.get("id"), message.content_type))
    return hashlib.sha256(identity.encode("utf-8", "replace") + message.body).hexdigest()


def _cleaner(redactor: Redactor) -> Callable[[str], str]:
    """Takes secrets out, and what PostgreSQL cannot hold: NUL and halves of surrogate pairs."""

    def clean(text: str) -> str:
        storable = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
        shown: str = redacted(redactor, storable)
        return shown

    return clean


def _kept_headers(message: Incoming, clean: Callable[[str], str]) -> dict[str, JsonValue]:
    kept = {clean(str(name)): _kept(value, clean) for name, value in message.headers.items()}
    if len(json.dumps(kept)) <= KEPT_HEADERS:
        return kept
    return {name: _kept(message.headers.get(name), clean) for name in ("task", "id")}


def _kept(value: Any, clean: Callable[[str], str], depth: int = 4) -> JsonValue:
    """A header's value as JSON: short, shallow and clean. Brokers also carry bytes and dates."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return clean(value[: 2 * KEPT_HEADER])[:KEPT_HEADER]
        case list() | tuple() if depth:
            return [_kept(one, clean, depth - 1) for one in value]
        case dict() if depth:
            return {clean(str(key)): _kept(one, clean, depth - 1) for key, one in value.items()}
    return clean(repr(value)[: 2 * KEPT_HEADER])[:KEPT_HEADER]
