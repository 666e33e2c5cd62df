"""How many tokens a prompt has, without a vocabulary to download.

A rule of thumb, put right per model by what its provider has counted on earlier calls.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Final

from selfheal.llm.model import Message

CHARACTERS_PER_TOKEN: Final = 3.5
"""Of English and code; vocabularies of this decade have 3 to 4."""

TOKENS_PER_MESSAGE: Final = 4

MARGIN: Final = 1.2
"""What is reserved is never settled upwards if prompts of a model differ by less than this."""

REMEMBERED_SECONDS: Final = 60.0

_PLAUSIBLE = (0.5, 4.0)


def estimated_tokens(text: str) -> int:
    """Tokens of a text. Whatever is not ASCII counts by its bytes: vocabularies split it up."""
    beyond_ascii = len(text.encode("utf-8", "replace")) - len(text)
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN + beyond_ascii / 2)


def tokens_of(messages: Iterable[Message]) -> int:
    """Tokens of a prompt, with what a turn takes beside its text."""
    return sum(TOKENS_PER_MESSAGE + estimated_tokens(message.content) for message in messages)


class TokenRatios:
    """By how much each model's provider counts more than the estimate; asked for now and then."""

    def __init__(
        self, learn: Callable[[str], float | None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._learn = learn
        self._clock = clock
        self._known: dict[str, tuple[float, float]] = {}

    def corrected(self, estimate: int, *, model: str) -> int:
        """The most tokens that a prompt of this estimate is likely to have."""
        return math.ceil(estimate * self._ratio(model) * MARGIN)

    def _ratio(self, model: str) -> float:
        ratio, learned = self._known.get(model, (1.0, -math.inf))
        if self._clock() - learned > REMEMBERED_SECONDS:
            low, high = _PLAUSIBLE
            ratio = min(max(self._learn(model) or 1.0, low), high)
            self._known[model] = (ratio, self._clock())
        return ratio
