"""Each fault as the official client sees it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import openai
import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from selfheal.testing.faults import (
    FAULTS,
    BadJson,
    BreaksSchema,
    ContextLength,
    Cut,
    CutJson,
    Drip,
    Drop,
    Empty,
    Fault,
    LengthStop,
    Overloaded,
    RateLimited,
    Refusal,
    ServerError,
    Silence,
    SlowFirstByte,
    Unauthorized,
    WrongContentType,
)
from selfheal.testing.script import Step
from selfheal.testing.server import replay_server

ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "2 + 2"}]}
LONG = 3600.0
"""Far longer than any test may take."""


class Sum(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sum: int


FOUR = {"sum": 4}


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (Unauthorized(), openai.AuthenticationError, "invalid_api_key"),
        (ContextLength(limit=100), openai.BadRequestError, "context_length_exceeded"),
        (RateLimited(), openai.RateLimitError, "rate_limit_exceeded"),
        (ServerError(), openai.InternalServerError, None),
        (Overloaded(), openai.InternalServerError, None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_has_its_class_and_code(
    client_of, fault: Fault, error: type[openai.APIStatusError], code: str | None, stream: bool
) -> None:
    with (
        replay_server([Step(fault=fault)], strict=True) as server,
        pytest.raises(error) as raised,
    ):
        client_of(server).chat.completions.create(**ASKED, stream=stream)

    assert raised.value.code == code


def test_a_rate_limit_says_when_to_come_back(client_of) -> None:
    fault = RateLimited(retry_after=2, retry_after_ms=1500.5)
    with (
        replay_server([Step(fault=fault)]) as server,
        pytest.raises(openai.RateLimitError) as raised,
    ):
        client_of(server).chat.completions.create(**ASKED)

    headers = raised.value.response.headers
    assert (headers["retry-after"], headers["retry-after-ms"]) == ("2", "1500.5")


def test_a_client_that_comes_back_is_told_apart_by_its_retry_count(client_of) -> None:
    steps = [Step(fault=RateLimited(retry_after_ms=1)), Step(answer="4")]
    with replay_server(steps, strict=True) as server:
        answer = client_of(server, retries=1).chat.completions.create(**ASKED)

    assert answer.choices[0].message.content == "4"
    assert [(entry.status, entry.fault) for entry in server.journal] == [
        (429, "rate_limited"),
        (200, ""),
    ]
    assert [entry.asked.retry for entry in server.journal if entry.asked] == [0, 1]


@pytest.mark.parametrize("step", [Step(fault=Drop()), Step(answer="4 " * 99, fault=Cut(part=0.9))])
def test_a_connection_that_ends_is_a_connection_error(client_of, step: Step) -> None:
    with replay_server([step]) as server, pytest.raises(openai.APIConnectionError):
        client_of(server).chat.completions.create(**ASKED)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.99])
def test_a_stream_that_is_cut_breaks_off_with_an_error(client_of, part: float) -> None:
    with replay_server([Step(answer="a b c d e f", fault=Cut(part=part))]) as server:
        stream = client_of(server).chat.completions.create(**ASKED, stream=True)

        with pytest.raises(openai.APIConnectionError):
            list(stream)


def test_json_that_is_cut_is_no_json(client_of) -> None:
    with replay_server([Step(answer="4", fault=CutJson())]) as server, pytest.raises(ValueError):
        client_of(server).chat.completions.create(**ASKED)


def test_silence_ends_with_the_patience_of_the_client(client_of) -> None:
    with (
        replay_server([Step(fault=Silence())]) as server,
        pytest.raises(openai.APITimeoutError),
    ):
        client_of(server, patience=0.05).chat.completions.create(**ASKED)


def test_silence_may_end_by_itself(client_of) -> None:
    with (
        replay_server([Step(fault=Silence(seconds=0.01))]) as server,
        pytest.raises(openai.APIConnectionError),
    ):
        client_of(server).chat.completions.create(**ASKED)


def test_a_late_first_byte_ends_with_the_patience_of_the_client(client_of) -> None:
    slow = Step(answer="4", fault=SlowFirstByte(seconds=LONG))
    with replay_server([slow]) as server, pytest.raises(openai.APITimeoutError):
        client_of(server, patience=0.05).chat.completions.create(**ASKED)


def test_who_is_patient_gets_the_late_answer(client_of) -> None:
    slow = Step(answer="4", fault=SlowFirstByte(seconds=0.01))
    with replay_server([slow]) as server:
        answer = client_of(server).chat.completions.create(**ASKED)

    assert answer.choices[0].message.content == "4"


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_drips_in_bytes(client_of, stream: bool) -> None:
    with replay_server([Step(answer="日本", fault=Drip(seconds=0.0001))]) as server:
        create = client_of(server).chat.completions.with_streaming_response.create
        with create(**ASKED, stream=stream) as response:
            pieces = list(response.iter_bytes())

    assert "日本".encode() in b"".join(pieces)
    assert len(pieces) > 100


@pytest.mark.parametrize(
    "step",
    [
        Step(fault=Silence()),
        Step(answer="4", fault=SlowFirstByte(seconds=LONG)),
        Step(answer="4", fault=Drip(seconds=LONG)),
    ],
)
def test_a_server_that_closes_lets_everybody_go(client_of, step: Step) -> None:
    seen: list[Exception] = []

    def ask() -> None:
        try:
            client.chat.completions.create(**ASKED)
        except openai.OpenAIError as error:
            seen.append(error)

    arrived = threading.Event()

    def answered(_: object) -> str:
        arrived.set()
        return "4"

    step = step.model_copy(update={"answer": answered})
    with replay_server([step]) as server:
        client = client_of(server)
        asking = threading.Thread(target=ask)
        asking.start()
        assert arrived.wait(30)
    asking.join(30)

    assert [type(error) for error in seen] == [openai.APIConnectionError]


def test_a_page_for_people_is_no_completion(client_of) -> None:
    with replay_server([Step(fault=WrongContentType())]) as server:
        answer = client_of(server).chat.completions.create(**ASKED)

    assert isinstance(answer, str)
    assert "log in" in answer


def test_a_page_for_people_is_an_empty_stream(client_of) -> None:
    with replay_server([Step(fault=WrongContentType())]) as server:
        stream = client_of(server).chat.completions.create(**ASKED, stream=True)

        assert list(stream) == []


def test_a_text_that_is_no_json(client_of) -> None:
    with (
        replay_server([Step(answer=FOUR, fault=BadJson())]) as server,
        pytest.raises(ValidationError, match="Invalid JSON"),
    ):
        client_of(server).chat.completions.parse(**ASKED, response_format=Sum)


@pytest.mark.parametrize("answer", [FOUR, {"sum": "four"}, [], "4"])
def test_json_of_another_shape(client_of, answer: Any) -> None:
    with (
        replay_server([Step(answer=answer, fault=BreaksSchema())]) as server,
        pytest.raises(ValidationError) as error,
    ):
        client_of(server).chat.completions.parse(**ASKED, response_format=Sum)

    assert "json_invalid" not in {one["type"] for one in error.value.errors()}


def test_json_of_another_shape_where_every_object_is_welcome(client_of) -> None:
    with replay_server([Step(answer=FOUR, fault=BreaksSchema())]) as server:
        answer = client_of(server).chat.completions.create(
            **ASKED, response_format={"type": "json_object"}
        )

    assert json.loads(answer.choices[0].message.content or "") == [FOUR]


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_no_content(client_of, stream: bool) -> None:
    with replay_server([Step(fault=Refusal(text="I would rather not"))]) as server:
        completions = client_of(server).chat.completions
        if stream:
            with completions.stream(**ASKED, response_format=Sum) as events:
                message = events.get_final_completion().choices[0].message
        else:
            message = completions.parse(**ASKED, response_format=Sum).choices[0].message

    assert message.refusal == "I would rather not"
    assert not message.content
    assert message.parsed is None


def test_an_answer_that_was_too_long(client_of) -> None:
    steps = [Step(answer=FOUR, fault=LengthStop(), times=2)]
    with replay_server(steps, strict=True) as server:
        completions = client_of(server).chat.completions
        answer = completions.create(**ASKED)
        with pytest.raises(openai.LengthFinishReasonError):
            completions.parse(**ASKED, response_format=Sum)

    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.content == '{"sum'


def test_an_empty_answer(client_of) -> None:
    with replay_server([Step(fault=Empty())]) as server:
        answer = client_of(server).chat.completions.create(**ASKED)

    assert answer.choices[0].message.content == ""


def test_every_fault_has_its_name_in_the_documentation() -> None:
    page = (Path(__file__).parents[3] / "docs/testing-with-models.md").read_text("utf-8")

    assert not [name for name in FAULTS if f"`{name}`" not in page]
