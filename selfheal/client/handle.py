"""A submitted ChangeRequest, as whoever submitted it holds it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from selfheal.errors import StateRefused, TimedOut, Transient

if TYPE_CHECKING:
    from selfheal.client.client import Client
    from selfheal.contracts.request_status import RequestStatus
    from selfheal.contracts.run_report import RunReport

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
"""Seconds between two looks of `wait`: each pause is half as long again as the one before."""


@dataclass(frozen=True, slots=True)
class Handle:
    """One ChangeRequest. All but `cancel` needs a client with `http`.

    Where the farm has folded it into an open request for the same failure, the handle follows:
    it tells how that one stands, and cancels it.
    """

    id: UUID
    client: Client

    def status(self) -> RequestStatus:
        """How it stands now; raises UnknownId, ServiceUnavailable, TokenRefused."""
        return self.client.status(self.id)

    def wait(self, timeout: float) -> RequestStatus:
        """Return when it has ended; raises TimedOut when it has not within `timeout` seconds.

        A service that does not answer for a while, because it is started anew, is asked again.
        """
        deadline, pause = time.monotonic() + timeout, _FIRST_PAUSE
        while True:
            left = deadline - time.monotonic()
            try:
                status = self.client.status(self.id, within=max(left, _FIRST_PAUSE))
                if status.ended:
                    return status
                why, cause = f"it is {status.state}", None
            except Transient as error:
                why, cause = str(error), error
                pause = max(pause, min(error.retry_after, _LONGEST_PAUSE))
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimedOut(
                    f"ChangeRequest {self.id} had not ended after {timeout:g} s: {why}"
                ) from cause
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def result(self) -> RunReport:
        """The report of an ended request; raises StateRefused while it is under way."""
        status = self.status()
        if status.report is None:
            raise StateRefused(
                f"ChangeRequest {status.id} is {status.state} and has no report yet: `wait` first"
            )
        return status.report

    def cancel(self) -> None:
        """Ask the farm to end it; raises what the client's `cancel` does."""
        self.client.cancel(self.id)
