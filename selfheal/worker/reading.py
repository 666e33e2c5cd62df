"""What is wrong with a message, before any task sees it.

Celery believes what it reads: a body that is no list of three, or a header of the wrong type, ends
the whole worker (tried with 5.7: a body of `5` is enough, or a time limit of "x").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Signature
from typing import Any
from uuid import UUID

from kombu.serialization import loads

CONTENT_TYPE = "application/json"

MALFORMED = "selfheal-malformed"
"""The header of an envelope that we made for what was none; its value says what was wrong."""

SignatureOf = Callable[[str], Signature | None]
"""The parameters of the task of that name; None where there is no such task."""

_TEXT = (str, type(None))
_HEADERS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("eta", "expires", "shadow", "group", "root_id", "parent_id"), _TEXT),
    **dict.fromkeys(("argsrepr", "kwargsrepr", "origin"), _TEXT),
    "retries": (int, type(None)),
    "group_index": (int, type(None)),
    "timelimit": (list, tuple, type(None)),
    "stamped_headers": (list, tuple, type(None)),
    "stamps": (dict, type(None)),
}
"""The types of what Celery's worker reads from the headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message as it came, before anybody believes it."""

    body: bytes
    content_type: str
    content_encoding: str
    headers: Mapping[str, Any]

    @property
    def task_name(self) -> str:
        """What it claims to be for; empty where it says nothing."""
        name = self.headers.get("task")
        return name if isinstance(name, str) else ""


def fault_of(message: Incoming, signature_of: SignatureOf, *, max_bytes: int) -> str | None:
    """Why no worker can take this message; None where one can."""
    if MALFORMED in message.headers:
        return str(message.headers[MALFORMED])
    if len(message.body) > max_bytes:
        return (
            f"its body has {len(message.body)} bytes, more than broker.max_message_bytes "
            f"({max_bytes})"
        )
    if message.content_type != CONTENT_TYPE:
        return f"its content type is {message.content_type or 'missing'}, expected {CONTENT_TYPE}"
    return _fault_of_headers(message) or _fault_of_call(message, signature_of)


def _fault_of_headers(message: Incoming) -> str | None:
    if not message.task_name:
        return "it has no header `task`: expected a Celery message (protocol 2)"
    if not _is_uuid(message.headers.get("id")):
        return "its header `id` is no UUID"
    for name, types in _HEADERS.items():
        if not isinstance(found := message.headers.get(name), types):
            return f"its header `{name}` is of type {type(found).__name__}"
    limits = message.headers.get("timelimit")
    if limits and (len(limits) != 2 or not all(isinstance(one, _LIMIT) for one in limits)):
        return "its header `timelimit` is no pair of seconds"
    return None


_LIMIT = (int, float, type(None))


def _fault_of_call(message: Incoming, signature_of: SignatureOf) -> str | None:
    signature = signature_of(message.task_name)
    if signature is None:
        return f"there is no task called {message.task_name}"
    try:
        body = loads(message.body, CONTENT_TYPE, message.content_encoding, accept={CONTENT_TYPE})
    except Exception as error:
        # Whatever a decoder says about bytes from outside, it means this.
        return f"its body cannot be read as JSON: {error}"
    match body:
        case [list(args), dict(kwargs), dict() | None]:
            return _fault_of_arguments(args, kwargs, signature)
    return "its body is not [arguments, named arguments, options]"


def _fault_of_arguments(
    args: list[Any], kwargs: dict[str, Any], signature: Signature
) -> str | None:
    """By our convention a parameter called `..._id` takes a UUID."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        return f"its arguments do not fit {signature}: {error}"
    for name, value in bound.arguments.items():
        if name.endswith("_id") and not _is_uuid(value):
            return f"its argument {name} is no UUID"
    return None


def _is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False
