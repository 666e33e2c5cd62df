"""Errors of the SDK and of what it stands on, as outcomes with names."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2
from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    OpenAIError,
)

from selfheal.contracts.model_call import CallOutcome
from selfheal.llm.outcomes import Reply

LONGEST_PAUSE: Final = 600.0
"""Seconds of a Retry-After that are believed: a slip of a server must not stop a farm for days."""

MOST_WHY: Final = 500

_BY_STATUS: Final[Mapping[int, CallOutcome]] = {
    401: "denied",
    403: "denied",
    404: "not_found",
    408: "failed",
    409: "failed",
    413: "too_long",
    429: "busy",
}

_NEVER_ENOUGH = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
"""Codes of a 429 that no waiting mends."""

_TOO_LONG = re.compile(
    r"context.{0,10}(?:length|window|size)|maximum context|too many (?:input )?tokens|prompt is too"
    r" long",
    re.IGNORECASE,
)


def reply_of(error: Exception, *, began: bool) -> Reply:
    """What has happened; `began`: a part of the answer had been heard.

    Any error is an outcome: what is not known by name is "garbled", which is tried again.
    """
    why = _shortened(str(error) or type(error).__name__)
    if isinstance(error, APIStatusError):
        return Reply(
            outcome=_of_status(error), why=why, retry_after=_retry_after(error.response.headers)
        )
    if isinstance(error, (APITimeoutError, TimeoutError)):
        connecting = isinstance(error.__cause__, httpx2.ConnectTimeout)
        return Reply(outcome="unreachable" if connecting else "slow", why=why)
    if isinstance(error, APIConnectionError):
        if isinstance(error.__cause__, httpx2.ConnectError):
            return Reply(outcome="unreachable", why=_shortened(f"{why} {error.__cause__}"))
        return Reply(outcome="broken_off" if began else "dropped", why=why)
    if isinstance(error, APIError):
        # An error in the midst of a stream: its code says what a status would have said.
        busy = "rate_limit" in f"{error.code} {error.type}"
        return Reply(outcome="busy" if busy else "broken_off", why=why)
    return Reply(outcome="garbled", why=_shortened(f"{type(error).__name__}: {error}"))


FOREIGN: Final = (
    OpenAIError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    OSError,
    # The SDK reads whatever JSON comes without checking it.
    ValueError,
    TypeError,
    AttributeError,
)
"""What a call may raise."""


def _of_status(error: APIStatusError) -> CallOutcome:
    status = error.status_code
    if status == 429 and error.code in _NEVER_ENOUGH:
        return "denied"
    if status in (400, 422) and (
        error.code == "context_length_exceeded" or _TOO_LONG.search(error.message)
    ):
        return "too_long"
    return _BY_STATUS.get(status, "failed" if status >= 500 else "bad_request")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110)."""
    milliseconds, seconds = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if milliseconds is not None:
            return _believed(float(milliseconds) / 1000)
        return None if seconds is None else _believed(float(seconds))
    except ValueError:
        return _until(seconds)


def _until(date: str | None) -> float | None:
    try:
        return _believed(parsedate_to_datetime(date or "").timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _believed(seconds: float) -> float | None:
    # Written so that a NaN, which compares with nothing, is no number of seconds.
    return min(seconds, LONGEST_PAUSE) if seconds >= 0 else None


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_WHY else f"{text[:MOST_WHY]}..."
