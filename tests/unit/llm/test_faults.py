"""Every error of the SDK and of its transport has a name among the outcomes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, get_args

import httpx2
import openai
import pytest

from selfheal.contracts.model_call import CallOutcome
from selfheal.llm.faults import FOREIGN, LONGEST_PAUSE, reply_of
from selfheal.llm.outcomes import MEANING

REQUEST = httpx2.Request("POST", "http://localhost/v1")


def status(code: int, body: Any = None, **headers: str) -> openai.APIStatusError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx2.Response(code, request=REQUEST, headers=named, json=body)
    return openai.APIStatusError(f"Error code: {code} - {body}", response=response, body=body)


def kinds_of_error(module: Any) -> Iterator[type[Exception]]:
    # Not by `getmembers`, which would load what this module loads late: seconds of it.
    for kind in [*vars(module).values()]:
        if inspect.isclass(kind) and issubclass(kind, Exception) and not issubclass(kind, Warning):
            yield kind


def test_every_outcome_has_a_meaning() -> None:
    assert set(MEANING) == set(get_args(CallOutcome))


@pytest.mark.parametrize("kind", list(kinds_of_error(openai)), ids=lambda kind: kind.__name__)
def test_every_error_of_the_sdk_is_caught(kind: type[Exception]) -> None:
    assert issubclass(kind, FOREIGN)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (status(401), "denied"),
        (status(403), "denied"),
        (status(404), "not_found"),
        (status(408), "failed"),
        (status(409), "failed"),
        (status(413), "too_long"),
        (status(418), "bad_request"),
        (status(422, {"message": "unprocessable"}), "bad_request"),
        (status(429), "busy"),
        (status(429, {"code": "insufficient_quota"}), "denied"),
        (status(500), "failed"),
        (status(529), "failed"),
        (status(400, {"code": "context_length_exceeded"}), "too_long"),
        (status(400, {"message": "prompt is too long: 9 > 8"}), "too_long"),
        (status(400, {"message": "This model's maximum context length is 8192"}), "too_long"),
        (status(400, {"message": "input exceeds the context window"}), "too_long"),
        (status(400, {"message": "no such role"}), "bad_request"),
        (openai.APITimeoutError(REQUEST), "slow"),
        (openai.APIConnectionError(request=REQUEST), "dropped"),
        (openai.APIError("x", REQUEST, body={"code": "rate_limit_exceeded"}), "busy"),
        (openai.APIError("x", REQUEST, body={"code": "server_error"}), "broken_off"),
        (json.JSONDecodeError("x", "y", 0), "garbled"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), "garbled"),
        (AttributeError("'list' object has no attribute 'choices'"), "garbled"),
    ],
)
def test_an_error_becomes_an_outcome(error: Exception, outcome: str) -> None:
    assert reply_of(error, began=False).outcome == outcome


def test_a_connection_that_breaks_is_named_by_when_it_does() -> None:
    broken = openai.APIConnectionError(request=REQUEST)
    never_made = openai.APIConnectionError(request=REQUEST)
    never_made.__cause__ = httpx2.ConnectError("refused")

    assert reply_of(broken, began=True).outcome == "broken_off"
    assert reply_of(never_made, began=False).outcome == "unreachable"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "250"}, 0.25),
        ({"retry_after_ms": "250", "retry_after": "7"}, 0.25),
        ({"retry_after": "1e9"}, LONGEST_PAUSE),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "soon"}, None),
    ],
)
def test_what_an_endpoint_asks_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert reply_of(status(429, **headers), began=False).retry_after == seconds


def test_a_date_to_come_back_at_is_read() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)

    found = reply_of(status(503, retry_after=date), began=False).retry_after

    assert found is not None
    assert 0 < found <= 100


def test_a_long_tale_is_cut() -> None:
    assert len(reply_of(status(500, {"message": "x" * 10_000}), began=False).why) < 600
