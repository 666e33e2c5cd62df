"""A question in the words of one endpoint, which may understand fewer of them than OpenAI's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from selfheal.contracts.document import Value
from selfheal.contracts.names import PURPOSE_HEADER
from selfheal.llm.form import strict_schema
from selfheal.llm.model import Message, Purpose
from selfheal.llm.prompt import load_prompt

Structured = Literal["schema", "json_mode", "prompt"]

_NEXT_BEST: Final[dict[Structured, Structured]] = {"schema": "json_mode", "json_mode": "prompt"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One call: which model is to say what, and how much of it."""

    purpose: Purpose
    model: str
    messages: tuple[Message, ...]
    form: type[Value] | None
    temperature: float
    max_tokens: int
    dimensions: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How an endpoint is spoken to. `simpler` gives the next try where it did not understand."""

    structured: Structured = "schema"
    fixed: bool = False
    limit_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    usage: bool = True

    def arguments(self, wanted: Wanted) -> dict[str, Any]:
        """Arguments of `chat.completions.create`."""
        arguments: dict[str, Any] = {
            "model": wanted.model,
            "messages": [
                {"role": message.role, "content": message.content}
                for message in (*self._told(wanted.form), *wanted.messages)
            ],
            self.limit_name: wanted.max_tokens,
            "extra_headers": {PURPOSE_HEADER: wanted.purpose},
        }
        if self.temperature:
            arguments["temperature"] = wanted.temperature
        if self.usage:
            arguments["stream_options"] = {"include_usage": True}
        if wanted.form is not None and self.structured != "prompt":
            arguments["response_format"] = self._format(wanted.form)
        return arguments

    def simpler(self, refused: str) -> Dialect | None:
        """What to try after a bad request that says `refused`; None where it is about no word.

        A way to ask for JSON that was chosen by a setting is not given up.
        """
        if "max_completion_tokens" in refused and self.limit_name == "max_tokens":
            return replace(self, limit_name="max_completion_tokens")
        if "stream_options" in refused and self.usage:
            return replace(self, usage=False)
        if "temperature" in refused and self.temperature:
            return replace(self, temperature=False)
        about_json = any(
            word in refused for word in ("response_format", "json_schema", "json_object")
        )
        if about_json and not self.fixed and self.structured in _NEXT_BEST:
            return replace(self, structured=_NEXT_BEST[self.structured])
        return None

    def _told(self, form: type[Value] | None) -> Sequence[Message]:
        """The form in words, where the endpoint does not hold the model to it."""
        if form is None or self.structured == "schema":
            return ()
        schema = json.dumps(strict_schema(form), ensure_ascii=False)
        return (Message("system", load_prompt("json_answer").render(schema=schema)),)

    def _format(self, form: type[Value]) -> dict[str, Any]:
        if self.structured == "json_mode":
            return {"type": "json_object"}
        schema = {"name": form.__name__, "strict": True, "schema": strict_schema(form)}
        return {"type": "json_schema", "json_schema": schema}
