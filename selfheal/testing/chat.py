"""A chat request as it came in, and what is said to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from selfheal.contracts.document import Value
from selfheal.contracts.names import PURPOSE_HEADER
from selfheal.errors import InvalidRequest

Finish = Literal["stop", "length", "content_filter"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, its text parts joined."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Form:
    """The JSON schema that the answer has to keep."""

    name: str
    schema: Mapping[str, Any]
    strict: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What was asked. `retry` is which try of the client's own this is, from 0."""

    model: str
    turns: tuple[Turn, ...]
    form: Form | None = None
    stream: bool = False
    include_usage: bool = False
    purpose: str = ""
    retry: int = 0
    authorization: str = field(default="", repr=False)
    body: Mapping[str, Any]

    @classmethod
    def read(cls, body: Mapping[str, Any], headers: Mapping[str, str]) -> Self:
        """The request of this body; headers by their names in small letters.

        Raises InvalidRequest naming the field that is wrong.
        """
        model, messages = body.get("model"), body.get("messages")
        if not isinstance(model, str) or not model:
            raise InvalidRequest("model", "you must provide a model parameter")
        if not isinstance(messages, list) or not messages:
            raise InvalidRequest("messages", "at least one message is needed")
        return cls(
            model=model,
            turns=tuple(_turn(number, one) for number, one in enumerate(messages)),
            form=_form(body.get("response_format")),
            stream=bool(body.get("stream")),
            include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
            purpose=headers.get(PURPOSE_HEADER, ""),
            retry=_count(headers.get("x-stainless-retry-count", "")),
            authorization=headers.get("authorization", ""),
            body=body,
        )


class Said(Value):
    """What the assistant says; its tokens, where somebody counted them."""

    text: str = ""
    refusal: str = ""
    finish: Finish = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @property
    def whole(self) -> bool:
        """Neither refused nor cut: what it was asked for can be demanded of it."""
        return self.finish == "stop" and not self.refusal


def _count(digits: str) -> int:
    return int(digits) if digits.isdecimal() else 0


def _turn(number: int, message: Any) -> Turn:
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise InvalidRequest(f"messages.{number}.role", "a role is needed")
    return Turn(message["role"], _text(message.get("content")))


def _text(content: Any) -> str:
    """Parts that are no text stand in it by their kind."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    return "".join(str(part.get("text", f"[{part.get('type')}]")) for part in content)


def _form(asked: Any) -> Form | None:
    """`json_object`, the older mode, is a form that every object keeps."""
    if not isinstance(asked, Mapping) or asked.get("type") == "text":
        return None
    if asked.get("type") == "json_object":
        return Form("json_object", {"type": "object"}, strict=False)
    inside = asked.get("json_schema")
    if asked.get("type") != "json_schema" or not isinstance(inside, Mapping):
        raise InvalidRequest("response_format", "type text, json_object or json_schema is expected")
    if not isinstance(inside.get("schema"), Mapping) or not inside.get("name"):
        raise InvalidRequest("response_format.json_schema", "a name and a schema are needed")
    return Form(str(inside["name"]), inside["schema"], strict=bool(inside.get("strict")))


def text_of(answer: Any) -> str:
    """A text as it is, and any other JSON value as its text."""
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
