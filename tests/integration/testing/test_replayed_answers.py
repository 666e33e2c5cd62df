"""Answers as the official client sees them, over a real socket."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any
from urllib.request import urlopen

import openai
import pytest
from pydantic import BaseModel, ConfigDict

from selfheal.errors import ServerUnavailable
from selfheal.testing.chat import Said
from selfheal.testing.embeddings import hashed_vector
from selfheal.testing.recording import Recorded
from selfheal.testing.script import Script, Step, When
from selfheal.testing.server import replay_server

TEXT = "Größe: 日本語, and 🎉 at the end\n"


class Sum(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sum: int
    why: str


def user(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def test_a_plain_answer(client_of) -> None:
    with replay_server([Step(answer=TEXT)], strict=True) as server:
        answer = client_of(server).chat.completions.create(model="m", messages=user("hello"))

    assert answer.choices[0].message.content == TEXT
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 2
    assert (answer.model, answer.system_fingerprint) == ("m", "replay")
    assert answer._request_id == "req_1"


def test_a_stream_with_its_usage_last(client_of) -> None:
    counted = Step(answer=TEXT, prompt_tokens=11, completion_tokens=7)
    with replay_server([counted], strict=True) as server:
        stream = client_of(server).chat.completions.create(
            model="m",
            messages=user("hello"),
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = list(stream)

    texts = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(texts) == TEXT
    assert [bool(chunk.usage) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 18


def test_two_runs_see_the_same_answer(client_of) -> None:
    answers = []
    for _ in range(2):
        with replay_server([Step(answer=TEXT)]) as server:
            client = client_of(server)
            answers.append(client.chat.completions.create(model="m", messages=user("hello")))

    assert answers[0] == answers[1]


def test_an_answer_in_the_form_that_was_asked_for(client_of) -> None:
    with replay_server([Step(answer={"sum": 4, "why": "counted"})], strict=True) as server:
        answer = client_of(server).chat.completions.parse(
            model="m", messages=user("2 + 2"), response_format=Sum
        )

    assert answer.choices[0].message.parsed == Sum(sum=4, why="counted")


def test_a_stream_in_the_form_that_was_asked_for(client_of) -> None:
    with replay_server([Step(answer={"sum": 4, "why": "日本"})], strict=True) as server:
        stream = client_of(server).chat.completions.stream(
            model="m", messages=user("2 + 2"), response_format=Sum
        )
        with stream as events:
            answer = events.get_final_completion()

    assert answer.choices[0].message.parsed == Sum(sum=4, why="日本")


def test_a_script_is_held_to_the_form(client_of) -> None:
    with replay_server([Step(name="sum", answer={"sum": "four"})]) as server:
        with pytest.raises(openai.UnprocessableEntityError, match=r"'four' is not of type"):
            client_of(server).chat.completions.parse(
                model="m", messages=user("2 + 2"), response_format=Sum
            )

        assert server.complaints()[0].startswith("request 1: step 1 (sum) breaks the schema")


def test_a_strict_schema_is_held_to_the_rules_of_the_real_api(client_of) -> None:
    lax = {"type": "json_schema", "json_schema": {"name": "sum", "strict": True}}
    lax["json_schema"]["schema"] = {"type": "object", "properties": {"sum": {"type": "integer"}}}
    with (
        replay_server([Step(answer={"sum": 4})]) as server,
        pytest.raises(openai.BadRequestError, match="additionalProperties") as refused,
    ):
        client_of(server).chat.completions.create(
            model="m", messages=user("2 + 2"), response_format=lax
        )

    assert refused.value.param == "response_format"


def test_no_answer_is_made_up(client_of) -> None:
    step = Step(name="sums", when=When(user="2 + 2"), answer="4", times="any")
    with replay_server([step]) as server:
        with pytest.raises(openai.NotFoundError) as error:
            client_of(server).chat.completions.create(model="m", messages=user("2 + 3"))

        digest = server.journal[0].digest
        assert error.value.code == "no_answer"
        assert digest in error.value.message
        assert "nearest step 1 (sums): no user turn says '2 + 2'" in error.value.message


def test_a_recording_goes_before_the_script(client_of, tmp_path) -> None:
    line = Recorded(model="m", turns=(("user", "in <path>"),), said=Said(text="recorded"))
    path = tmp_path / "answers.jsonl"
    path.write_text(line.model_dump_json())
    with replay_server([Step(answer="scripted")], recording=path, strict=True) as server:
        create = client_of(server).chat.completions.create
        answers = [
            create(model="m", messages=user(text)).choices[0].message.content
            for text in (f"in {tmp_path}", "elsewhere")
        ]

    assert answers == ["recorded", "scripted"]


def test_a_purpose_chooses_the_step(client_of) -> None:
    steps = [Step(when=When(purpose=purpose), answer=purpose) for purpose in ("plan", "draft")]
    with replay_server(steps, strict=True) as server:
        create = client_of(server).chat.completions.create
        answers = [
            create(model="m", messages=user("go"), extra_headers={"X-Selfheal-Purpose": purpose})
            for purpose in ("draft", "plan")
        ]

    assert [answer.choices[0].message.content for answer in answers] == ["draft", "plan"]


def test_a_strict_server_complains_about_what_was_not_used() -> None:
    with (
        pytest.raises(AssertionError, match="step 1 was used 0 of 1 times"),
        replay_server([Step(answer="never")], strict=True),
    ):
        pass


def test_a_strict_server_complains_about_what_had_no_answer(client_of) -> None:
    with (
        pytest.raises(AssertionError, match="request 1: no answer to request"),
        replay_server(strict=True) as server,
        pytest.raises(openai.NotFoundError),
    ):
        client_of(server).chat.completions.create(model="m", messages=user("a"))


def test_an_answer_that_fails_says_so_and_is_not_asked_again(client_of) -> None:
    def fails(_: object) -> str:
        raise LookupError("nothing there")

    with (
        replay_server([Step(answer=fails, times=3)]) as server,
        pytest.raises(openai.UnprocessableEntityError, match="nothing there"),
    ):
        client_of(server, retries=2).chat.completions.create(model="m", messages=user("a"))

    assert len(server.journal) == 1


def test_requests_are_answered_at_the_same_time(client_of) -> None:
    both = threading.Barrier(2, timeout=30)

    def meets(_: object) -> str:
        both.wait()
        return "met"

    with replay_server([Step(answer=meets, times=2)], strict=True) as server:
        create = client_of(server).chat.completions.create
        calls = [
            threading.Thread(target=create, kwargs={"model": "m", "messages": user("a")})
            for _ in range(2)
        ]
        for call in calls:
            call.start()
        for call in calls:
            call.join(30)

    assert not both.broken


def test_a_key_is_asked_for_where_one_is_set(client_of) -> None:
    with replay_server([Step(answer="in")], api_key="right") as server:
        with pytest.raises(openai.AuthenticationError):
            client_of(server, key="wrong").models.list()

        names = [model.id for model in client_of(server, key="right").models.list()]

    assert names == ["replay"]


@pytest.mark.parametrize("wanted", [{}, {"encoding_format": "float"}])
def test_embeddings_are_hashed_and_say_so(client_of, wanted: dict[str, Any]) -> None:
    with replay_server(Script(embeddings=32)) as server:
        answer = client_of(server).embeddings.create(
            model="m", input=["the cart", "the cart"], **wanted
        )

    assert answer.model == "hashed-32"
    assert [len(one.embedding) for one in answer.data] == [32, 32]
    assert answer.data[0].embedding == pytest.approx(hashed_vector("the cart", 32))


def test_there_are_no_embeddings_unless_the_script_allows_them(client_of) -> None:
    with replay_server() as server, pytest.raises(openai.NotFoundError, match="no embeddings"):
        client_of(server).embeddings.create(model="m", input="a")


def test_the_journal_tells_what_was_asked(client_of) -> None:
    with replay_server([Step(name="first", answer="b")]) as server:
        client_of(server).chat.completions.create(model="m", messages=user("a"))
        place = server.url.removesuffix("/v1")
        with urlopen(f"{place}/journal", timeout=30) as page:
            told = json.load(page)
        with urlopen(f"{place}/health", timeout=30) as page:
            health = json.load(page)

    assert health == {"status": "ok", "provider": "replay"}
    assert len(told) == 1
    assert told[0]["origin"] == "step 1 (first)"
    assert told[0]["turns"] == [{"role": "user", "text": "a"}]
    assert told[0]["digest"] == server.journal[0].digest


@pytest.mark.parametrize(
    ("body", "told"),
    [(b"{", b"no JSON"), (b"[]", b"object"), (b"{}", b"model"), (b'{"model":"m"}', b"message")],
)
def test_what_is_no_request_is_refused(body: bytes, told: bytes) -> None:
    with replay_server() as server:
        port = int(server.url.rpartition(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            head = b"POST /v1/chat/completions HTTP/1.1\r\nConnection: close\r\nContent-Length: %d"
            connection.sendall(head % len(body) + b"\r\n\r\n" + body)
            reply = connection.makefile("rb").read()

    assert reply.startswith(b"HTTP/1.1 400 ")
    assert told in reply


def test_a_taken_port_is_an_error_of_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(ServerUnavailable, match=str(port)), replay_server(port=port):
            pass


def test_a_client_that_goes_away_is_nobodys_error(client_of, capfd) -> None:
    long = "many words " * 200_000
    with replay_server([Step(answer=long)], strict=True) as server:
        create = client_of(server).chat.completions.with_streaming_response.create
        with create(model="m", messages=user("a")) as response:
            next(response.iter_bytes())

    assert capfd.readouterr().err == ""
