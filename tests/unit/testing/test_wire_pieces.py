"""How answers are cut into pieces."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from selfheal.testing.chat import Said
from selfheal.testing.wire import completion_reply, odd_pieces
from tests.unit.testing.asking import asked


@given(st.binary(max_size=600))
def test_the_pieces_are_the_whole(data: bytes) -> None:
    pieces = odd_pieces(data)

    assert b"".join(pieces) == data
    assert all(pieces)


def test_every_character_of_several_bytes_is_cut() -> None:
    assert odd_pieces("aé日".encode()) == (b"a", b"\xc3", b"\xa9\xe6", b"\x97", b"\xa5")


@given(st.text())
def test_a_streamed_text_adds_up_to_the_text(text: str) -> None:
    reply = completion_reply(asked("a", stream=True), Said(text=text))

    events = [event for event in reply.body.split(b"\n\n") if event.startswith(b"data: {")]
    chunks = [json.loads(event.removeprefix(b"data: ")) for event in events]
    deltas = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert "".join(deltas) == text


def test_the_same_request_gets_the_same_bytes() -> None:
    replies = [completion_reply(asked("a", stream=True), Said(text="b c")) for _ in range(2)]

    assert replies[0] == replies[1]


def test_a_stream_has_comments_and_ends_with_usage_and_its_mark() -> None:
    request = asked("12345678", stream=True, stream_options={"include_usage": True})

    events = completion_reply(request, Said(text="a b c d e f")).body.split(b"\n\n")

    assert events.count(b": ping") == 2
    assert events[-2:] == [b"data: [DONE]", b""]
    last = json.loads(events[-3].removeprefix(b"data: "))
    assert last["choices"] == []
    assert last["usage"] == {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
