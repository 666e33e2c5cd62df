"""How long is waited between two calls."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from selfheal.llm.background import LOOK_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Pauses that grow, with jitter, so that workers that failed together do not return together.

    `clock` and `sleep` are those of the process; tests bring their own.
    """

    first_seconds: float = 0.5
    longest_seconds: float = 8.0
    poll_seconds: float = 0.1
    longest_look_seconds: float = 1.0
    chance: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def before_retry(self, number: int, retry_after: float | None) -> float:
        """Seconds after the `number`th call: at least as many as the provider asked for."""
        if retry_after is not None:
            return retry_after + self.first_seconds * self.chance()
        growing = min(self.first_seconds * 2.0 ** (number - 1), self.longest_seconds)
        return growing * (0.5 + self.chance() / 2)

    def before_look(self, number: int, seconds: float) -> float:
        """Seconds after the `number`th look at whether a call may begin, likely in `seconds`."""
        growing = max(seconds, self.poll_seconds * 2.0 ** (number - 1))
        return min(growing, self.longest_look_seconds) * (0.5 + self.chance() / 2)

    def wait(self, seconds: float, *, check: Callable[[], None]) -> None:
        """Let `seconds` pass; raises what `check` raises meanwhile."""
        until = self.clock() + seconds
        check()
        while (left := until - self.clock()) > 0:
            self.sleep(min(left, LOOK_SECONDS))
            check()
