"""What the exit status of a command means."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from selfheal.errors import (
    Cancelled,
    EnvironmentUnusable,
    InvalidInput,
    InvalidRepository,
    InvalidSettings,
    PlanningError,
    Refused,
    SelfhealError,
    Transient,
)

if TYPE_CHECKING:
    # Making the documents takes a tenth of a second, which most commands need not wait.
    from selfheal.contracts.run_report import Cause


class ExitCode(IntEnum):
    """The same in every command; `selfheal --help` lists them."""

    DONE = 0
    USAGE = 2
    PARTIAL = 3
    NO_FIX = 4
    ENVIRONMENT = 5
    CANCELLED = 6
    TRY_LATER = 7
    INTERNAL = 70


_OF_CAUSE: dict[Cause, ExitCode] = {
    "landed": ExitCode.DONE,
    "nothing_to_do": ExitCode.DONE,
    "stopped_after": ExitCode.DONE,
    "carried_out": ExitCode.DONE,
    "partly_landed": ExitCode.PARTIAL,
    "no_fix": ExitCode.NO_FIX,
    "environment": ExitCode.ENVIRONMENT,
    "try_later": ExitCode.TRY_LATER,
    "cancelled": ExitCode.CANCELLED,
    "internal": ExitCode.INTERNAL,
}

_OF_ERROR: tuple[tuple[type[SelfhealError], ExitCode], ...] = (
    (InvalidRepository, ExitCode.ENVIRONMENT),
    (InvalidSettings, ExitCode.USAGE),
    (InvalidInput, ExitCode.USAGE),
    (EnvironmentUnusable, ExitCode.ENVIRONMENT),
    (Cancelled, ExitCode.CANCELLED),
    (PlanningError, ExitCode.NO_FIX),
    (Refused, ExitCode.USAGE),
    (Transient, ExitCode.TRY_LATER),
)

HELP = (
    "Exit status: 0 done, 2 usage, 3 partial, 4 no fix found, 5 environment not usable, "
    "6 cancelled, 7 try later, 70 internal."
)


def of_cause(cause: Cause) -> ExitCode:
    """The exit status of a run that ended for this cause."""
    return _OF_CAUSE[cause]


def of_error(error: SelfhealError) -> ExitCode:
    """The exit status of a command that ends with this error."""
    return next((code for kind, code in _OF_ERROR if isinstance(error, kind)), ExitCode.INTERNAL)
