"""Values as JSON text, and JSON text as JSONB that gives the same value back."""

from __future__ import annotations

import json
import re
from typing import Any

from kombu.exceptions import EncodeError

_MARK = "__json_text__"

# What JSONB refuses or changes: NUL and half surrogates, NaN and the infinities, numbers with an
# exponent (they come back without it, so as other types), negative zero. What may hold one is
# stored as a string in a document; the mark itself is in the list, so that it is unmistakable.
_NOT_AS_IT_IS = re.compile(
    r"\\u0000"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|NaN|Infinity|[0-9][eE][+-]?[0-9]|-0\.0"
    rf"|{_MARK}"
)
_KEPT_OF_A_LARGE_MESSAGE = 2_000


def to_jsonb(text: str) -> str:
    """JSON text that PostgreSQL accepts as JSONB and `from_jsonb` turns into `text`'s value."""
    return json.dumps({_MARK: text}) if _NOT_AS_IT_IS.search(text) else text


def from_jsonb(text: str) -> str:
    """JSON text from a JSONB column."""
    if text.startswith(f'{{"{_MARK}"'):
        unwrapped: str = json.loads(text)[_MARK]
        return unwrapped
    return text


def refuse_large(text: str, what: str, *, limit: int) -> None:
    """Raise EncodeError, which Celery stores as the task's failure, for more than `limit` bytes."""
    if len(text) > limit:
        raise EncodeError(
            f"{what} is {len(text):,} bytes of JSON; the result backend takes {limit:,}: store it"
            " elsewhere and return where it is, or raise max_bytes in"
            " result_backend_transport_options"
        )


def shortened(exception: dict[str, Any], *, limit: int) -> dict[str, Any]:
    """A stored exception whose message is cut: a failure must be stored, whatever its size."""
    message = repr(exception.get("exc_message"))
    note = f"{message[:_KEPT_OF_A_LARGE_MESSAGE]}... (cut: more than {limit:,} bytes)"
    return {**exception, "exc_message": [note]}


def clean(text: str | None, *, limit: int) -> str | None:
    """`text` as a TEXT column takes it: no NUL, no half surrogates, the last `limit` characters."""
    if text is None:
        return None
    plain = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
    return plain[-limit:]
