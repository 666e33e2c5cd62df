"""The ways in which an endpoint fails, each by its name in a script.

Some change what is said and some how it goes out. Durations are seconds; a server that is closed
waits for none of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from pydantic import Field

from selfheal.contracts.document import Value
from selfheal.testing.chat import ChatRequest, Said
from selfheal.testing.schema import fault_of_answer
from selfheal.testing.wire import Delivery, error_reply, odd_pieces


class Fault(Value):
    """One failure. Without a change of its own it does nothing."""

    name: ClassVar[str]
    needs_answer: ClassVar[bool] = False
    """Whether there has to be an answer that it spoils."""
    keeps_form: ClassVar[bool] = True
    """Whether the step's answer has to keep the schema that it is asked with."""

    def said(self, said: Said, _asked: ChatRequest, /) -> Said:
        """What is said instead."""
        return said

    def delivered(self, delivery: Delivery, /) -> Delivery:
        """How it goes out instead."""
        return delivery


class Unauthorized(Fault):
    """401: the key is wrong."""

    name = "unauthorized"

    def delivered(self, *_: object) -> Delivery:
        return error_reply(401, "Incorrect API key provided.", code="invalid_api_key")


class ContextLength(Fault):
    """400: the prompt does not fit into the model."""

    name = "context_length"
    limit: int = 8192

    def delivered(self, *_: object) -> Delivery:
        told = f"This model's maximum context length is {self.limit} tokens."
        return error_reply(400, told, code="context_length_exceeded", param="messages")


class RateLimited(Fault):
    """429, and when to come back: in seconds, in milliseconds, by both headers or by none."""

    name = "rate_limited"
    retry_after: float | None = None
    retry_after_ms: float | None = None

    def delivered(self, *_: object) -> Delivery:
        said = (("retry-after", self.retry_after), ("retry-after-ms", self.retry_after_ms))
        headers = tuple((header, f"{value:g}") for header, value in said if value is not None)
        return error_reply(
            429, "Rate limit reached.", code="rate_limit_exceeded", kind="tokens", headers=headers
        )


class ServerError(Fault):
    """500: something broke over there."""

    name = "server_error"

    def delivered(self, *_: object) -> Delivery:
        return error_reply(500, "The server had an error.", kind="server_error")


class Overloaded(Fault):
    """503: too busy, or not ready yet."""

    name = "overloaded"

    def delivered(self, *_: object) -> Delivery:
        return error_reply(503, "The engine is currently overloaded.", kind="overloaded_error")


class Passed(Fault):
    """What another endpoint answered instead of a completion, as it came."""

    name = "passed"
    status: int
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes

    def delivered(self, *_: object) -> Delivery:
        return Delivery(
            status=self.status,
            content_type=self.content_type,
            headers=self.headers,
            pieces=(self.body,),
        )


class Drop(Fault):
    """The connection ends before the first header."""

    name = "drop"

    def delivered(self, *_: object) -> Delivery:
        return Delivery(ending="dropped")


class Silence(Fault):
    """Nothing comes, and after `seconds` the connection ends; without them it never does."""

    name = "silence"
    seconds: float = math.inf

    def delivered(self, *_: object) -> Delivery:
        return Delivery(before=self.seconds, ending="dropped")


class SlowFirstByte(Fault):
    """The answer comes, after `seconds` without a byte."""

    name = "slow_first_byte"
    needs_answer = True
    seconds: float

    def delivered(self, delivery: Delivery, /) -> Delivery:
        return replace(delivery, before=self.seconds)


class Drip(Fault):
    """The body comes one byte at a time, `seconds` apart: no read ever takes long."""

    name = "drip"
    needs_answer = True
    seconds: float = 0.05

    def delivered(self, delivery: Delivery, /) -> Delivery:
        single = tuple(bytes((byte,)) for byte in delivery.body)
        return replace(delivery, pieces=single, between=self.seconds)


class Cut(Fault):
    """The connection ends after `part` of the body, in the midst of a stream or of a document."""

    name = "cut"
    needs_answer = True
    part: float = Field(default=0.5, ge=0, lt=1)

    def delivered(self, delivery: Delivery, /) -> Delivery:
        return replace(delivery, pieces=_first(self.part, delivery), ending="cut")


class CutJson(Fault):
    """The reply ends in order, but its JSON after `part`: some proxy lost the rest.

    A stream then lacks its end mark.
    """

    name = "cut_json"
    needs_answer = True
    part: float = Field(default=0.5, ge=0, lt=1)

    def delivered(self, delivery: Delivery, /) -> Delivery:
        return replace(delivery, pieces=_first(self.part, delivery))


class WrongContentType(Fault):
    """200 and a page for people, as of a proxy that wants a login first."""

    name = "wrong_content_type"
    content_type: str = "text/html"
    page: str = "<html><body>Please log in.</body></html>"

    def delivered(self, *_: object) -> Delivery:
        return Delivery(content_type=self.content_type, pieces=(self.page.encode(),))


class BadJson(Fault):
    """A whole answer whose text is no JSON: a last bracket is missing and a word is too much."""

    name = "bad_json"
    needs_answer = True
    keeps_form = False

    def said(self, said: Said, _asked: ChatRequest, /) -> Said:
        return said.model_copy(update={"text": f"Sure! {said.text[:-1]}"})


class BreaksSchema(Fault):
    """JSON of another shape than asked for: an answer that breaks the schema is sent as it is.

    One that keeps it gets a property that nobody asked for, or becomes the list of itself.
    """

    name = "breaks_schema"
    needs_answer = True
    keeps_form = False

    def said(self, said: Said, asked: ChatRequest, /) -> Said:
        if asked.form and fault_of_answer(asked.form.schema, said.text):
            return said
        wider = _with_one_more(json.loads(said.text))
        if asked.form and not fault_of_answer(asked.form.schema, wider):
            wider = f"[{said.text}]"
        return said.model_copy(update={"text": wider})


class Refusal(Fault):
    """The model will not do it."""

    name = "refusal"
    text: str = "I'm sorry, but I can't help with that."

    def said(self, *_: object) -> Said:
        return Said(refusal=self.text)


class LengthStop(Fault):
    """The answer ends after `part` of it, for it was long enough (finish reason `length`)."""

    name = "length_stop"
    needs_answer = True
    part: float = Field(default=0.5, ge=0, lt=1)

    def said(self, said: Said, _asked: ChatRequest, /) -> Said:
        kept = int(len(said.text) * self.part)
        return said.model_copy(update={"text": said.text[:kept], "finish": "length"})


class Empty(Fault):
    """An answer without a letter."""

    name = "empty"

    def said(self, *_: object) -> Said:
        return Said()


FAULTS: Final[Mapping[str, type[Fault]]] = {
    kind.name: kind for kind in Fault.__subclasses__() if kind is not Passed
}
"""Every fault that a script can ask for, by its name there."""


def _first(part: float, delivery: Delivery) -> tuple[bytes, ...]:
    return odd_pieces(delivery.body[: int(len(delivery.body) * part)])


def _with_one_more(value: Any) -> str:
    return json.dumps({**value, "unasked": True} if isinstance(value, dict) else [value])
