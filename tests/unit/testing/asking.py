"""Requests as a client would send them."""

from __future__ import annotations

from typing import Any

from selfheal.testing.chat import ChatRequest

NUMBER = {
    "type": "object",
    "properties": {"number": {"type": "integer"}},
    "required": ["number"],
    "additionalProperties": False,
}


def asked(
    *texts: str, system: str = "", purpose: str = "", model: str = "m", **body: Any
) -> ChatRequest:
    """A request with these texts of the user's."""
    first = [{"role": "system", "content": system}] if system else []
    turns = [{"role": "user", "content": text} for text in texts]
    headers = {"x-selfheal-purpose": purpose}
    return ChatRequest.read({"model": model, "messages": first + turns, **body}, headers)


def form(schema: Any = None, *, name: str = "number", strict: bool = True) -> dict[str, Any]:
    """The `response_format` of a request."""
    inside = {"name": name, "schema": schema or NUMBER, "strict": strict}
    return {"type": "json_schema", "json_schema": inside}
