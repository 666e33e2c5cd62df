"""Answers by digest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from selfheal.errors import InvalidInput
from selfheal.testing.chat import Said
from selfheal.testing.digest import gist_of
from selfheal.testing.recording import Recorded, RecordedAnswers, read_recording
from tests.unit.testing.asking import asked


def recorded(question: str, answer: str, *, digest: str = "") -> Recorded:
    return Recorded(digest=digest, model="m", turns=(("user", question),), said=Said(text=answer))


def said(answers: RecordedAnswers, question: str) -> str | None:
    reply = answers.take(asked(question))
    return reply.said.text if reply and reply.said else None


def test_a_request_from_another_folder_gets_the_recorded_answer() -> None:
    digest = gist_of(asked("fix /tmp/one/shop/cart.py")).digest
    answers = RecordedAnswers((recorded("fix <path>/cart.py", "done", digest=digest),))

    assert said(answers, "fix /tmp/two/shop/cart.py") == "done"


def test_a_line_by_hand_needs_no_digest() -> None:
    answers = RecordedAnswers((recorded("fix <path>/cart.py", "done"),))

    assert said(answers, "fix /tmp/two/shop/cart.py") == "done"


def test_answers_to_the_same_request_come_in_their_order_and_the_last_again() -> None:
    answers = RecordedAnswers((recorded("a", "one"), recorded("a", "two")))

    assert [said(answers, "a") for _ in range(3)] == ["one", "two", "two"]


def test_a_request_that_was_not_recorded_has_no_answer() -> None:
    assert said(RecordedAnswers((recorded("a", "one"),)), "b") is None


def test_the_nearest_recording_is_shown_as_a_diff() -> None:
    near = recorded("one\ntwo\nthree", "x")
    answers = RecordedAnswers((recorded("far away", "y"), near))

    told = answers.nearest(asked("one\n2\nthree"))

    assert told is not None
    assert told.startswith(f"nearest recording {near.key}:\n")
    assert "\n-two\n+2\n" in told
    assert "far away" not in told


def test_what_nobody_asked_for_is_known() -> None:
    answers = RecordedAnswers((recorded("a", "one"), recorded("a", "two"), recorded("b", "x")))
    said(answers, "a")
    said(answers, "b")

    assert answers.unused() == (f"recording {recorded('a', '').key} was used 1 of 2 times",)


def test_a_file_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(f"{recorded('a', 'one').model_dump_json()}\n\n")

    assert read_recording(path) == (recorded("a", "one"),)


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(f"\n{json.dumps({'model': 'm', 'turns': []})}\n")

    with pytest.raises(InvalidInput, match=r"answers.jsonl:2: said: Field required"):
        read_recording(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="the recording cannot be read"):
        read_recording(tmp_path / "missing.jsonl")
