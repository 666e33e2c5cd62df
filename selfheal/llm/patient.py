"""A model that is asked again only after a pause, and never beyond a deadline."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace

from selfheal.errors import ModelUnavailable
from selfheal.llm.model import Answer, Model, Question


class Patient:
    """Passes questions on: the first at once, each further one after twice the pause.

    A pause is drawn from its upper half, so that askers who failed together do not come back
    together. `seconds` are for all questions together: each is asked with what is left of them.
    """

    def __init__(
        self,
        model: Model,
        *,
        seconds: float,
        first_pause: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._sleep, self._clock = sleep, clock
        self._seconds = seconds
        self._deadline = clock() + seconds
        self._pause = first_pause
        self._asked = False

    def ask(self, question: Question) -> Answer:
        """The answer; raises ModelUnavailable when no time is left to ask."""
        if self._asked:
            pause = self._pause * random.uniform(0.5, 1)  # noqa: S311 (jitter is no secret)
            self._sleep(max(0.0, min(pause, self._left)))
            self._pause *= 2
        self._asked = True
        if self._left <= 0:
            raise ModelUnavailable(f"no usable answer came within {self._seconds:g} s")
        return self._model.ask(replace(question, deadline_seconds=self._left))

    @property
    def _left(self) -> float:
        return self._deadline - self._clock()
