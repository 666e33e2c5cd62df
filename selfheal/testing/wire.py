"""What goes over the wire: completions whole and streamed, errors, and how bytes are cut."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, cycle, pairwise, takewhile
from typing import Any, Final, Literal

from selfheal.testing.chat import ChatRequest, Said
from selfheal.testing.digest import gist_of

CREATED: Final = 1_767_225_600
"""The first second of 2026, in every answer: two runs of a test see the same bytes."""
FINGERPRINT: Final = "replay"
"""Every completion says so that no model made it."""

_SIZES: Final = (1, 7, 61, 3, 1021, 127, 11, 509)
_EVENTS_BETWEEN_PINGS: Final = 5
_DELTA = re.compile(r"\s*\S+|\s+\Z")

Ending = Literal["whole", "cut", "dropped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How one reply goes out.

    `before` and `between` are seconds: until the first byte, and between two pieces. A `cut` one
    breaks off after its pieces, though more was announced; of a `dropped` one no byte goes out.
    """

    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    pieces: tuple[bytes, ...] = ()
    chunked: bool = False
    before: float = 0.0
    between: float = 0.0
    ending: Ending = "whole"

    @property
    def body(self) -> bytes:
        """All pieces together."""
        return b"".join(self.pieces)


def json_reply(value: Any, *, status: int = 200) -> Delivery:
    """A JSON value, in one piece."""
    return Delivery(status=status, pieces=(_json(value),))


def error_reply(
    status: int,
    message: str,
    *,
    code: str | None = None,
    kind: str = "invalid_request_error",
    param: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Delivery:
    """An error as OpenAI-compatible endpoints shape it."""
    error = {"message": message, "type": kind, "param": param, "code": code}
    return Delivery(status=status, headers=headers, pieces=(_json({"error": error}),))


def completion_reply(asked: ChatRequest, said: Said) -> Delivery:
    """The answer as it was asked for: a stream of events, or one document."""
    if not asked.stream:
        return json_reply(_completion(asked, said))
    return Delivery(
        content_type="text/event-stream", chunked=True, pieces=odd_pieces(_events(asked, said))
    )


def odd_pieces(data: bytes) -> tuple[bytes, ...]:
    """`data` cut at odd places, among them the inside of every character of several bytes."""
    by_size = takewhile(lambda place: place < len(data), accumulate(cycle(_SIZES)))
    inside = (place for place, byte in enumerate(data) if byte & 0xC0 == 0x80)
    places = sorted({0, *by_size, *inside, len(data)})
    return tuple(data[start:end] for start, end in pairwise(places))


def usage_of(asked: ChatRequest, said: Said) -> dict[str, int]:
    """Tokens as they were counted, else as estimated: one for four bytes."""
    prompt = said.prompt_tokens
    if prompt is None:
        prompt = sum(_tokens(turn.text) for turn in asked.turns)
    done = said.completion_tokens
    if done is None:
        done = _tokens(said.text or said.refusal)
    return {"prompt_tokens": prompt, "completion_tokens": done, "total_tokens": prompt + done}


def _completion(asked: ChatRequest, said: Said) -> dict[str, Any]:
    message = {
        "role": "assistant",
        "content": None if said.refusal else said.text,
        "refusal": said.refusal or None,
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish}
    return {**_head(asked, "chat.completion"), "choices": [choice], "usage": usage_of(asked, said)}


def _events(asked: ChatRequest, said: Said) -> bytes:
    return b"".join(_framed(_chunks(asked, said))) + b"data: [DONE]\n\n"


def _framed(chunks: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
    """Server-sent events, with the comments between them that keep a connection open."""
    for number, chunk in enumerate(chunks):
        if number % _EVENTS_BETWEEN_PINGS == 0:
            yield b": ping\n\n"
        yield b"data: " + _json(chunk) + b"\n\n"


def _chunks(asked: ChatRequest, said: Said) -> Iterator[Mapping[str, Any]]:
    head = _head(asked, "chat.completion.chunk")
    if asked.include_usage:
        head["usage"] = None
    key = "refusal" if said.refusal else "content"
    yield {**head, "choices": [_delta({"role": "assistant", key: ""})]}
    for part in _DELTA.findall(said.refusal or said.text):
        yield {**head, "choices": [_delta({key: part})]}
    yield {**head, "choices": [_delta({}, finish=said.finish)]}
    if asked.include_usage:
        yield {**head, "choices": [], "usage": usage_of(asked, said)}


def _delta(delta: Mapping[str, str], *, finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _head(asked: ChatRequest, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{gist_of(asked).digest}",
        "object": kind,
        "created": CREATED,
        "model": asked.model,
        "system_fingerprint": FINGERPRINT,
    }


def _json(value: Any) -> bytes:
    """Letters beyond ASCII stay as they are, for clients to stumble over."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "surrogatepass")) // 4)
