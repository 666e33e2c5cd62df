"""What tests ask, and the secret that must not come out."""

from __future__ import annotations

from typing import Any

from selfheal.llm.model import Message, Question

SECRET = "correct-horse-battery"


def question(content: str = "how are you?", **fields: Any) -> Question:
    return Question(
        **{"purpose": "plan", "messages": (Message("user", content),), "prompt": "test@1"} | fields
    )
