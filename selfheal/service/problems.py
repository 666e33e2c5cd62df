"""How errors are answered: a status, and a Problem as body."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from selfheal.contracts.problem import Problem
from selfheal.errors import (
    BudgetSpent,
    CircuitOpen,
    EnvironmentUnusable,
    InvalidAnswer,
    InvalidInput,
    InvalidRequest,
    ModelUnavailable,
    RateLimited,
    Refused,
    RoleRefused,
    SelfhealError,
    TokenRefused,
    Transient,
    UnknownId,
)

_STATUS: tuple[tuple[type[SelfhealError], int], ...] = (
    (UnknownId, 404),
    (InvalidInput, 422),
    (TokenRefused, 401),
    (RoleRefused, 403),
    (BudgetSpent, 402),
    (Refused, 409),
    (InvalidAnswer, 502),
    (ModelUnavailable, 502),
    (RateLimited, 429),
    (Transient, 503),
    (EnvironmentUnusable, 503),
)
"""The first that fits; what is not here is a defect: 500."""

_EXAMPLES: dict[int, tuple[str, Problem]] = {
    401: (
        "The token is missing, unknown or was revoked.",
        Problem(error="TokenRefused", message="the token is unknown or was revoked: ask ..."),
    ),
    402: (
        "The ChangeRequest on whose behalf it is asked may spend no more.",
        Problem(
            error="BudgetSpent",
            message="the request's budget of 0.5 usd is spent: submit again with more",
        ),
    ),
    403: (
        "The token's role may not do this.",
        Problem(
            error="RoleRefused",
            message="the role submitter may do this, the token's role is reader",
        ),
    ),
    404: (
        "There is no such thing.",
        Problem(error="UnknownId", message="no ChangeRequest 6f1c3a52-0c86-4d5d-a2d3-0d4e8a1b7c11"),
    ),
    409: (
        "The state that it is in does not allow this.",
        Problem(
            error="StateRefused", message="ChangeRequest 6f1c3a52-... is CODING: only what has ..."
        ),
    ),
    413: (
        "The body is too large.",
        Problem(
            error="InvalidRequest",
            message="request: a body of at most 1,048,576 bytes",
            field="request",
            expected="a body of at most 1,048,576 bytes",
        ),
    ),
    422: (
        "A field is wrong; it is named.",
        Problem(
            error="InvalidRequest",
            message="priority: Input should be less than or equal to 9",
            field="priority",
            expected="Input should be less than or equal to 9",
        ),
    ),
    429: (
        "The token has asked too often; `Retry-After` says when to come back.",
        Problem(error="RateLimited", message="600 requests a minute are served to one token: ..."),
    ),
    502: (
        "The model failed for good.",
        Problem(error="ModelUnavailable", message="no usable answer came within 10 s"),
    ),
    503: (
        "Not now: too much is open, or the database does not answer. To repeat it is harmless.",
        Problem(error="TooBusy", message="10000 ChangeRequests are open already: nothing was ..."),
    ),
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of an endpoint that needs a token: what it may answer besides success."""
    return {status: _documented(status) for status in sorted({401, 403, 422, 429, 503, *statuses})}


def documented_beside_a_stream(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The same where success is no JSON: FastAPI would take the errors to be none either."""
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    plain = documented(*statuses)
    for answer in plain.values():
        del answer["model"]
        answer["content"]["application/json"]["schema"] = schema
    return plain


def install(app: FastAPI) -> None:
    """Answer every error that leaves an endpoint."""
    app.add_exception_handler(SelfhealError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _defect)


def too_large(most: int) -> JSONResponse:
    """The answer to a body of more than `most` bytes."""
    return _no_body(413, f"a body of at most {most:,} bytes")


def _documented(status: int) -> dict[str, Any]:
    description, example = _EXAMPLES[status]
    body = example.model_dump(exclude_none=True)
    documented: dict[str, Any] = {
        "description": description,
        "model": Problem,
        "content": {"application/json": {"example": body}},
    }
    if status in (429, 503):
        documented["headers"] = {
            "Retry-After": {"description": "seconds", "schema": {"type": "integer"}}
        }
    return documented


def answer_of(error: SelfhealError, redact: Callable[[str], str]) -> JSONResponse:
    """The answer for an error of ours, its texts redacted."""
    invalid = error if isinstance(error, InvalidRequest) else None
    problem = Problem(
        error=type(error).__name__,
        message=_printable(redact(str(error))),
        field=_printable(invalid.field) if invalid else None,
        expected=redact(invalid.expected) if invalid else None,
    )
    return _answer(_status_of(error), problem, _headers(error))


def answer_of_defect() -> JSONResponse:
    """The traceback is in the log; whoever asks learns nothing of the inside."""
    message = "a defect of selfheal: the service's log has more"
    return _answer(500, Problem(error="Defect", message=message), {})


def refusal_of(error: RequestValidationError) -> InvalidRequest:
    """The first field that is wrong, as every door says it."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"][1:])) if first["type"] != "json_invalid" else ""
    return InvalidRequest(where or "request", first["msg"])


def _printable(text: str) -> str:
    """JSON may name a field with half a character, which an answer cannot be encoded with."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SelfhealError)
    return answer_of(error, request.app.state.desk.farm.redactor.redact)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _ours(request, refusal_of(error))


def _of_http(request: Request, error: Exception) -> JSONResponse:
    """What FastAPI and Starlette refuse by themselves: paths, methods, bodies."""
    assert isinstance(error, HTTPException)
    if error.status_code == 413:
        return too_large(request.app.state.desk.settings.max_body_bytes)
    if error.status_code == 400:
        return _no_body(422, "a body of JSON that can be read")
    unserved = f"{request.method} {request.url.path} is not served here: see /openapi.json"
    problem = Problem(error=str(error.detail).replace(" ", ""), message=unserved)
    return _answer(error.status_code, problem, dict(error.headers or {}))


def _no_body(status: int, expected: str) -> JSONResponse:
    error = InvalidRequest("request", expected)
    name = type(error).__name__
    problem = Problem(error=name, message=str(error), field=error.field, expected=expected)
    return _answer(status, problem, {})


def _defect(request: Request, error: Exception) -> JSONResponse:
    del request, error
    return answer_of_defect()


def _status_of(error: SelfhealError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def _headers(error: SelfhealError) -> dict[str, str]:
    if isinstance(error, TokenRefused):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, Transient):
        after = error.seconds if isinstance(error, CircuitOpen) else error.retry_after
        return {"Retry-After": str(max(1, math.ceil(after)))}
    return {}


def _answer(status: int, problem: Problem, headers: dict[str, str]) -> JSONResponse:
    return JSONResponse(problem.model_dump(exclude_none=True), status, headers)
