"""What a caller is told when something is wrong: a status, the error's name, its text."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import status
from fastapi.responses import JSONResponse

from selfheal.contracts.document import Value
from selfheal.errors import (
    BudgetSpent,
    CircuitOpen,
    InvalidAnswer,
    InvalidInput,
    ModelUnavailable,
    SelfhealError,
    Transient,
)


class Problem(Value):
    """The body of an answer that is an error."""

    error: str
    detail: str


_STATUS: Mapping[type[SelfhealError], int] = {
    InvalidInput: status.HTTP_422_UNPROCESSABLE_CONTENT,
    BudgetSpent: status.HTTP_402_PAYMENT_REQUIRED,
    InvalidAnswer: status.HTTP_502_BAD_GATEWAY,
    ModelUnavailable: status.HTTP_502_BAD_GATEWAY,
    Transient: status.HTTP_503_SERVICE_UNAVAILABLE,
}
"""The first that fits, in this order; any other error is ours: 500."""


def status_of(error: Exception) -> int:
    """The HTTP status that says what kind of error this is."""
    found = (code for kind, code in _STATUS.items() if isinstance(error, kind))
    return next(found, status.HTTP_500_INTERNAL_SERVER_ERROR)


def problem_of(error: Exception, detail: str) -> JSONResponse:
    """The answer for `error`; what is no error of ours is not shown."""
    known = isinstance(error, SelfhealError)
    body = Problem(
        error=type(error).__name__ if known else "InternalError",
        detail=_printable(detail) if known else "an error of the service: see its log",
    )
    headers = {"Retry-After": _after(error)} if isinstance(error, Transient) else None
    return JSONResponse(body.model_dump(), status_code=status_of(error), headers=headers)


def _printable(detail: str) -> str:
    """What JSON may name a field is more than what an answer can be encoded with."""
    return detail.encode("utf-8", "replace").decode("utf-8")


def _after(error: Transient) -> str:
    seconds = error.seconds if isinstance(error, CircuitOpen) else error.retry_after
    return str(max(1, round(seconds)))
