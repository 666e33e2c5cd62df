"""The heartbeat of work that is being done, and what it hears back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

from sqlalchemy import Connection

from selfheal.errors import AttemptLost, Cancelled, Stopped, StoreUnavailable
from selfheal.store.database import Database

Beat = Callable[[Connection], Literal["go_on", "lost", "cancelled"]]
"""Writes a sign of life; says what the work is to do next."""


class Pulse:
    """Beats in a thread while the context is open.

    `stopping()` turns true when the work was taken over, when somebody cancelled the request, when
    no beat got through for so long that another worker may have begun, or when `told_to_stop` says
    so: long waits look at it and end. `check()` then raises what happened; `name` says whose pulse
    it is.
    """

    def __init__(
        self,
        database: Database,
        beat: Beat,
        *,
        name: str,
        every: float,
        dead_after: float,
        told_to_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._beat = beat
        self._name = name
        self._every = every
        self._dead_after = dead_after
        self._told_to_stop = told_to_stop
        self._heard: Literal["go_on", "lost", "cancelled"] = "go_on"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="pulse", daemon=True)

    def stopping(self) -> bool:
        """Whether the work should end now."""
        return self._heard != "go_on" or self._told_to_stop()

    def check(self) -> None:
        """Raise Stopped, or what kind of it happened, if the work should end now."""
        if self._heard == "cancelled":
            raise Cancelled("the ChangeRequest was cancelled")
        if self._heard == "lost":
            raise AttemptLost(f"{self._name} has been taken over")
        if self._told_to_stop():
            raise Stopped(f"{self._name} is handed back: its worker was told to stop")

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass, or less if the work should end; then as `check`."""
        deadline = time.monotonic() + seconds
        while not self.stopping() and (left := deadline - time.monotonic()) > 0:
            self._ended.wait(min(left, 0.2))
        self.check()

    def _beat_on(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(self._every) and self._heard == "go_on":
            try:
                with self._database.begin() as connection:
                    self._heard = self._beat(connection)
                last = time.monotonic()
            except StoreUnavailable:
                # Without a database nobody can take over either, but its clock goes on: once it
                # is back this worker counts as dead, so it stops by its own monotonic clock.
                if time.monotonic() - last > self._dead_after:
                    self._heard = "lost"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(timeout=self._every + 5)
