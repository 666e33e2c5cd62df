"""How errors are answered: a status, and a Problem as body."""

from __future__ import annotations

import math
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from selfheal.contracts.problem import Problem
from selfheal.errors import (
    BudgetSpent,
    EnvironmentUnusable,
    InvalidAnswer,
    InvalidInput,
    InvalidRequest,
    ModelLeftAlone,
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
    (RateLimited, 429),
    (InvalidAnswer, 502),
    (ModelLeftAlone, 503),
    (ModelUnavailable, 502),
    (Transient, 503),
    (EnvironmentUnusable, 503),
)
"""The first that fits; what is not here is a defect: 500."""

_JSON = "a JSON object as body, sent with `Content-Type: application/json`"

_EXAMPLES: dict[int, tuple[str, Problem]] = {
    401: (
        "The token is missing, unknown or was revoked.",
        Problem(error="TokenRefused", message="the token is unknown or was revoked: ask ..."),
    ),
    402: (
        "The ChangeRequest may spend no more.",
        Problem(
            error="BudgetSpent",
            message="the request's budget of 2.5 usd is spent: submit again with more",
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
        "The model failed for good: it did not answer, or not with what it was asked for.",
        Problem(
            error="InvalidAnswer",
            message="the model's answer cannot be used (unusable): rule: step 3 depends on 4, ...",
        ),
    ),
    503: (
        "Not now: too much is open, or the database does not answer, or a model that has failed "
        "too often is left alone. To repeat it is harmless.",
        Problem(error="TooBusy", message="10000 ChangeRequests are open already: nothing was ..."),
    ),
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of an endpoint that needs a token: what it may answer besides success."""
    return {status: _documented(status) for status in sorted({401, 403, 422, 429, 503, *statuses})}


def documented_beside_text(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The same where success is no JSON: FastAPI would take the errors to be none either."""
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    plain = documented(*statuses)
    for answer in plain.values():
        del answer["model"]
        answer["content"]["application/json"]["schema"] = schema
    return plain


def install(app: FastAPI) -> None:
    """Answer every error that leaves an endpoint and is no defect."""
    app.add_exception_handler(SelfhealError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_http)


def too_large(most: int) -> JSONResponse:
    """The answer to a body of more than `most` bytes."""
    return _no_body(413, f"a body of at most {most:,} bytes")


def defect() -> JSONResponse:
    """The answer to what has met a defect of ours: whoever asks learns nothing of the inside."""
    message = "a defect of selfheal: the service's log has more"
    return _answer(500, Problem(error="Defect", message=message), {})


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


def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SelfhealError)
    redact = request.app.state.desk.farm.redactor.redact
    invalid = error if isinstance(error, InvalidRequest) else None
    problem = Problem(
        error=type(error).__name__,
        message=redact(str(error)),
        field=invalid.field if invalid else None,
        expected=redact(invalid.expected) if invalid else None,
    )
    return _answer(_status_of(error), problem, _headers(error))


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    # What a document says of itself as a whole is a value error; any other means it is none.
    whole = first["loc"] == ("body",) and first["type"] != "value_error"
    if whole or first["type"] == "json_invalid":
        return _no_body(422, _JSON)
    where = ".".join(map(str, first["loc"][1:])) or "request"
    return _ours(request, InvalidRequest(where, first["msg"]))


def _of_http(request: Request, error: Exception) -> JSONResponse:
    """What FastAPI and Starlette refuse by themselves: paths, methods, bodies."""
    assert isinstance(error, HTTPException)
    if error.status_code == 413:
        return too_large(request.app.state.desk.settings.max_body_bytes)
    if error.status_code == 400:
        return _no_body(422, _JSON)
    unserved = f"{request.method} {request.url.path} is not served here: see /openapi.json"
    problem = Problem(error=str(error.detail).replace(" ", ""), message=unserved)
    return _answer(error.status_code, problem, dict(error.headers or {}))


def _no_body(status: int, expected: str) -> JSONResponse:
    error = InvalidRequest("request", expected)
    name = type(error).__name__
    problem = Problem(error=name, message=str(error), field=error.field, expected=expected)
    return _answer(status, problem, {})


def _status_of(error: SelfhealError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def _headers(error: SelfhealError) -> dict[str, str]:
    if isinstance(error, TokenRefused):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, Transient):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    return {}


def _answer(status: int, problem: Problem, headers: dict[str, str]) -> JSONResponse:
    said: dict[str, str] = problem.model_dump(exclude_none=True)
    return JSONResponse({name: _printable(text) for name, text in said.items()}, status, headers)


def _printable(text: str) -> str:
    """JSON can name a field by half a character, and UTF-8 cannot say it."""
    return text.encode("utf-8", "replace").decode("utf-8")
