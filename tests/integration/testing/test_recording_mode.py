"""Recording what another endpoint says, and replaying it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import openai
import pytest

from selfheal.errors import InvalidSettings
from selfheal.redaction import Redactor
from selfheal.testing.faults import RateLimited, Silence
from selfheal.testing.recording import read_recording
from selfheal.testing.script import Step
from selfheal.testing.server import recording_server, replay_server

KEY = "sk-proj-" + "a1" * 20


def asked(text: str) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


def test_what_was_recorded_is_replayed(client_of, tmp_path: Path) -> None:
    recording = tmp_path / "answers.jsonl"
    real = [Step(answer="4", completion_tokens=9), Step(answer="日本")]
    with (
        replay_server(real, api_key="real", strict=True) as upstream,
        recording_server(upstream.url, recording) as recorder,
    ):
        create = client_of(recorder, key="real").chat.completions.create
        first = create(**asked("2 + 2"))
        streamed = list(create(**asked("where?"), stream=True))
    with replay_server(recording=recording, strict=True) as server:
        create = client_of(server).chat.completions.create
        again = [create(**asked(text)) for text in ("2 + 2", "where?")]

    texts = [choice.delta.content or "" for chunk in streamed for choice in chunk.choices]
    assert "".join(texts) == again[1].choices[0].message.content == "日本"
    assert again[0] == first
    assert {one.source for one in read_recording(recording)} == {"captured"}


def test_secrets_are_not_kept(client_of, tmp_path: Path) -> None:
    recording = tmp_path / "answers.jsonl"
    redactor = Redactor([("DB_PASSWORD", "hunter-2-hunter")])
    with (
        replay_server([Step(answer=f"use {KEY}")]) as upstream,
        recording_server(upstream.url, recording, redactor=redactor) as recorder,
    ):
        client = client_of(recorder, key="the-clients-own-key")
        client.chat.completions.create(**asked("log in with hunter-2-hunter"))

    kept = recording.read_text()
    assert "<secret:DB_PASSWORD:" in kept
    assert "<secret:openai-key:" in kept
    assert not any(secret in kept for secret in ("hunter-2-hunter", KEY, "the-clients-own-key"))


def test_a_recorded_request_with_a_secret_is_recognised(client_of, tmp_path: Path) -> None:
    recording = tmp_path / "answers.jsonl"
    with (
        replay_server([Step(answer="no")]) as upstream,
        recording_server(upstream.url, recording) as recorder,
    ):
        client_of(recorder).chat.completions.create(**asked(f"is {KEY} good?"))

    with replay_server(recording=recording, strict=True) as server:
        answer = client_of(server).chat.completions.create(**asked(f"is {KEY} good?"))

    assert answer.choices[0].message.content == "no"


def test_an_error_is_passed_on_and_not_recorded(client_of, tmp_path: Path) -> None:
    recording = tmp_path / "answers.jsonl"
    with (
        replay_server([Step(fault=RateLimited(retry_after=7))]) as upstream,
        recording_server(upstream.url, recording) as recorder,
        pytest.raises(openai.RateLimitError) as error,
    ):
        client_of(recorder).chat.completions.create(**asked("a"))

    assert error.value.response.headers["retry-after"] == "7"
    assert not recording.exists()


def test_an_endpoint_that_is_not_there_is_a_bad_gateway(client_of, tmp_path: Path) -> None:
    with replay_server() as gone:
        pass
    with (
        recording_server(gone.url, tmp_path / "answers.jsonl") as recorder,
        pytest.raises(openai.InternalServerError, match="does not answer") as error,
    ):
        client_of(recorder).chat.completions.create(**asked("a"))

    assert error.value.status_code == 502


def test_a_recorder_that_closes_waits_for_nobody(client_of, tmp_path: Path) -> None:
    arrived = threading.Event()
    seen: list[Exception] = []

    def ask() -> None:
        try:
            client.chat.completions.create(**asked("a"))
        except openai.OpenAIError as error:
            seen.append(error)

    def answered(_: object) -> str:
        arrived.set()
        return "never said"

    with replay_server([Step(answer=answered, fault=Silence())]) as upstream:
        with recording_server(upstream.url, tmp_path / "answers.jsonl") as recorder:
            client = client_of(recorder)
            asking = threading.Thread(target=ask)
            asking.start()
            assert arrived.wait(30)
        asking.join(30)

    assert len(seen) == 1


def test_an_upstream_is_a_url(tmp_path: Path) -> None:
    with (
        pytest.raises(InvalidSettings, match="is no http"),
        recording_server("models.example.org", tmp_path / "answers.jsonl"),
    ):
        pass
