"""Where answers come from: scripts, recordings and other endpoints alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from selfheal.testing.chat import ChatRequest, Said
from selfheal.testing.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is answered, what spoils it, and where it is from, as a journal says it."""

    origin: str
    said: Said | None = None
    fault: Fault | None = None


class Source(Protocol):
    """Somebody who may know an answer; several threads may ask at once."""

    def take(self, asked: ChatRequest) -> Reply | None:
        """The answer to this request, which may be used up by it; None without one."""
        ...

    def nearest(self, asked: ChatRequest) -> str | None:
        """What comes nearest to a request without an answer, and in what it differs."""
        ...

    def unused(self) -> tuple[str, ...]:
        """What nobody has asked for yet."""
        ...
