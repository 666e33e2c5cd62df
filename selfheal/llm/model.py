"""A question to a model and its answer; whoever asks knows no more of models than this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from selfheal.contracts.bundle import Complexity
from selfheal.contracts.document import Value

Purpose = Literal["plan", "draft", "skeleton", "rerank", "decompose", "evolve", "embed"]
"""What an answer is for: chooses the model, and stands on the row of the call."""

Tier = Complexity
"""How hard the matter is, as the Code-Planner labels it; may choose a stronger model."""

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a model is asked. Texts are redacted on their way out, by the gateway.

    `prompt` names the prompt file and its version, as "plan@1". With a `form` the answer is JSON of
    that shape; without one it is free text. None leaves a limit to the settings.
    """

    purpose: Purpose
    messages: tuple[Message, ...]
    prompt: str
    form: type[Value] | None = None
    tier: Tier = "moderate"
    temperature: float | None = None
    max_tokens: int | None = None
    deadline_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the provider counts them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        """In and out together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model said: whole, not cut, no refusal. `usd` is 0 where no price is known."""

    text: str
    provider: str
    model: str
    usage: Usage = Usage()
    usd: float = 0.0
    seconds: float = 0.0


class Model(Protocol):
    """Somebody who answers questions."""

    def ask(self, question: Question) -> Answer:
        """The answer.

        Raises InvalidAnswer for a refusal, a cut or an empty one, ModelUnavailable when nobody
        answered in time, BudgetSpent when the request may spend no more, Cancelled.
        """
        ...
