"""Looks whether the service can work, at a cost that does not grow with who asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from selfheal.contracts.document import Value
from selfheal.errors import SelfhealError
from selfheal.flows.readiness import Readiness

FRESH_SECONDS = 2.0
"""For so long what the last look has found is said again: probes come every few seconds."""

log = structlog.get_logger()


class ReadyResponse(Value):
    """Whether the service can work."""

    ready: bool
    checks: dict[str, bool] = Field(description="whether it can be reached, each thing by its name")


class Lookout:
    """One look at a time, in one thread, however many ask: those of one event loop share it.

    What exactly was found is for the log alone, as anybody may ask.
    """

    def __init__(
        self, readiness: Readiness, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._readiness = readiness
        self._clock = clock
        self._look: asyncio.Future[ReadyResponse] | None = None
        self._stale_at = 0.0

    async def report(self) -> ReadyResponse:
        """What was found a moment ago, or is found now."""
        if self._look is None or (self._look.done() and self._clock() >= self._stale_at):
            self._look = asyncio.ensure_future(run_in_threadpool(self._found))
        # Whoever goes away does not end the look of the others.
        return await asyncio.shield(self._look)

    def _found(self) -> ReadyResponse:
        try:
            checks = {name: self._is_there(name) for name in self._readiness}
            return ReadyResponse(ready=all(checks.values()), checks=checks)
        finally:
            self._stale_at = self._clock() + FRESH_SECONDS

    def _is_there(self, name: str) -> bool:
        try:
            self._readiness[name]()
        except SelfhealError as error:
            log.warning(
                "Something that is needed is away.",
                action="ready.away",
                what=name,
                found=str(error),
            )
            return False
        return True
