"""Texts as vectors, by the model that the settings name for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from selfheal.errors import InvalidAnswer
from selfheal.llm.model import Message, Model, Question
from selfheal.settings import LlmSettings

MOST_TEXTS: Final = 256
"""Of one request: OpenAI takes 2,048, and others fewer."""

MOST_CHARACTERS: Final = 20_000
"""Of one text: models take about 8,000 tokens."""


class Embeddings:
    """Asks as any question is asked: within the budget, the limits of the farm and the circuit.

    `name` says of which space the vectors are, so that those of another are never compared.
    """

    def __init__(self, model: Model, settings: LlmSettings) -> None:
        self.name = f"{settings.embedding_model}/{settings.embedding_dimensions or 'all'}"
        self._model = model

    def embed(self, texts: Sequence[str]) -> tuple[tuple[float, ...], ...]:
        """A vector for each text, in order; raises as `Model.ask`."""
        found: list[tuple[float, ...]] = []
        for start in range(0, len(texts), MOST_TEXTS):
            found += self._embedded(texts[start : start + MOST_TEXTS])
        return tuple(found)

    def _embedded(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        messages = tuple(Message("user", text[:MOST_CHARACTERS] or " ") for text in texts)
        question = Question(purpose="embed", messages=messages, prompt="embed@1", max_tokens=0)
        vectors = json.loads(self._model.ask(question).text)
        if len({len(vector) for vector in vectors}) > 1:
            raise InvalidAnswer("schema", "expected vectors of one length, found several")
        return [tuple(vector) for vector in vectors]
