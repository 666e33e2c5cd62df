"""What makes two requests the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.testing.digest import gist_of, normalised
from tests.unit.testing.asking import asked, form


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("in /tmp/run-1/shop/cart.py, line 3", "in <path>/cart.py, line 3"),
        ("in /tmp/run-1/shop", "in <path>"),
        (
            "either and/or; see https://example.org/a/b",
            "either and/or; see https://example.org/a/b",
        ),
        ("shop/cart.py stays", "shop/cart.py stays"),
        ("task 123e4567-e89b-12d3-a456-426614174000 failed", "task <uuid> failed"),
        ("HEAD is now at 0a1b2c3d4e", "HEAD is now at <hex>"),
        ("<Cart object at 0x7f00aa12>", "<Cart object at <hex>>"),
        ("1 failed in 0.03s", "1 failed in <time>"),
        ("at 2026-10-01T12:30:00.123Z and 12:30:01", "at <time> and <time>"),
        ("the total is 1234567, deadbeef is a word", "the total is 1234567, deadbeef is a word"),
        ("  one  \r\ntwo\t\n\n", "one\ntwo"),
    ],
)
def test_folders_ids_and_times_are_masked_and_nothing_else(text: str, masked: str) -> None:
    assert normalised(text) == masked


@given(st.text(alphabet="/ab0x1-:.~> \ncd9s_T", max_size=60))
def test_what_is_normalised_stays_as_it_is(text: str) -> None:
    once = normalised(text)

    assert normalised(once) == once


def test_the_same_question_from_another_folder_has_the_same_digest() -> None:
    here, there = (asked(f"fix /tmp/{run}/shop/cart.py") for run in ("a", "b"))

    assert gist_of(here).digest == gist_of(there).digest


def test_each_part_of_a_request_changes_its_digest() -> None:
    other_form = form({"type": "object", "properties": {}, "additionalProperties": False})
    requests = (
        asked("fix it"),
        asked("fix that"),
        asked("fix it", model="other"),
        asked("fix it", system="be brief"),
        asked("fix", "it"),
        asked("fix it", response_format=form()),
        asked("fix it", response_format=form(name="other")),
        asked("fix it", response_format=other_form),
    )

    assert len({gist_of(request).digest for request in requests}) == len(requests)


def test_how_an_answer_is_sent_changes_nothing() -> None:
    plain, streamed = asked("fix it"), asked("fix it", stream=True, temperature=0.7)

    assert gist_of(plain) == gist_of(streamed)
