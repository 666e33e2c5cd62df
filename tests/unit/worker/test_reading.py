"""What is wrong with a message; nothing that comes makes the reader fail."""

from __future__ import annotations

import inspect
import json
import re
from inspect import Signature
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.contracts.dead_letter import KEPT_BYTES
from selfheal.redaction import Redactor
from selfheal.worker.envelope import checked
from selfheal.worker.envelope import fault_of as fault_of_envelope
from selfheal.worker.letters import KEPT_HEADER, letter_of
from selfheal.worker.reading import Incoming, fault_of

LIMIT = 1 << 20


def plan(plan_id: str) -> None: ...


def known(name: str) -> Signature | None:
    return inspect.signature(plan) if name == "selfheal.plan" else None


def message(**changes: Any) -> Incoming:
    """A good one, but for what is changed."""
    fields: dict[str, Any] = {
        "body": json.dumps([[str(uuid4())], {}, {}]).encode(),
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "headers": {"task": "selfheal.plan", "id": str(uuid4()), "timelimit": [None, None]},
    }
    return Incoming(**fields | changes)


def headers(**changes: Any) -> dict[str, Any]:
    return {**message().headers, **changes}


def test_a_good_message_has_no_fault() -> None:
    assert fault_of(message(), known, max_bytes=LIMIT) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"body": b"{"}, "cannot be read as JSON"),
        ({"body": b"\xff\xfe"}, "cannot be read as JSON"),
        ({"body": b"[" * 100_000}, "cannot be read as JSON"),
        ({"body": b"5"}, "is not \\[arguments"),
        ({"body": b'{"args": []}'}, "is not \\[arguments"),
        ({"body": b"[5, {}, {}]"}, "is not \\[arguments"),
        ({"body": b"[[], {}, {}]"}, "missing a required argument: 'plan_id'"),
        ({"body": b'[["a", "b"], {}, {}]'}, "too many positional arguments"),
        ({"body": b'[[], {"plan": "x"}, {}]'}, "argument"),
        ({"body": b'[["x"], {}, {}]'}, "argument plan_id is no UUID"),
        ({"body": b"[[7], {}, {}]"}, "argument plan_id is no UUID"),
        ({"body": b" " * (LIMIT + 1)}, "more than broker.max_message_bytes"),
        ({"content_type": "application/x-python-serialize"}, "expected application/json"),
        ({"content_type": ""}, "content type is missing"),
        ({"headers": {}}, "no header `task`"),
        ({"headers": headers(task=5)}, "no header `task`"),
        ({"headers": headers(task="selfheal.paln")}, "no task called selfheal.paln"),
        ({"headers": headers(id="7")}, "header `id` is no UUID"),
        ({"headers": headers(id=None)}, "header `id` is no UUID"),
        ({"headers": headers(eta=5)}, "header `eta` is of type int"),
        ({"headers": headers(timelimit="x")}, "header `timelimit` is of type str"),
        ({"headers": headers(timelimit=[1])}, "no pair of seconds"),
        ({"headers": headers(timelimit=["a", "b"])}, "no pair of seconds"),
        ({"headers": headers(stamps=[1])}, "header `stamps` is of type list"),
    ],
)
def test_a_fault_is_named(changes: dict[str, Any], said: str) -> None:
    fault = fault_of(message(**changes), known, max_bytes=LIMIT)

    assert fault is not None and re.search(said, fault), fault


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-9, 9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.binary() | json_values.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(
        st.sampled_from(["task", "id", "eta", "timelimit", "stamps", "x"]), json_values
    ),
)
def test_anything_at_all_is_read_and_kept(body: bytes, found: dict[str, Any]) -> None:
    came = message(body=body, headers=headers(**found))

    fault = fault_of(came, known, max_bytes=LIMIT)
    letter = letter_of(came, "coding", fault or "none", Redactor())

    assert type(letter).from_json(letter.to_json()).id == letter.id
    assert letter == letter_of(came, "coding", fault or "none", Redactor())
    assert "\0" not in f"{letter.body}{letter.reason}{letter.task_name}"


def test_what_is_kept_has_no_secret_in_it_and_cannot_be_sent_again() -> None:
    redactor = Redactor([("TOKEN", "hunter2-hunter2")])
    came = message(
        body=b'[["hunter2-hunter2"], {}, {}]', headers=headers(origin={"by": "hunter2-hunter2"})
    )

    letter = letter_of(came, "coding", "hunter2-hunter2 is no UUID", redactor)

    assert "hunter2-hunter2" not in letter.to_json()
    assert not letter.complete


def test_a_long_message_is_cut_and_a_short_one_is_whole() -> None:
    long = letter_of(message(body=b"x" * 200_000), "coding", "long", Redactor())
    many = letter_of(message(headers=headers(x=["y" * 100] * 1_000)), "coding", "many", Redactor())

    assert (len(long.body), long.complete) == (65_536, False)
    assert (set(many.headers), many.complete) == ({"task", "id"}, False)
    assert letter_of(message(), "coding", "short", Redactor()).complete


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_popped_from_a_list_becomes_an_envelope(item: bytes) -> None:
    reply = checked([b"coding\x06\x163", item], max_bytes=LIMIT)

    assert reply is not None
    assert fault_of_envelope(reply[1]) is None
    envelope = json.loads(reply[1])
    assert envelope["properties"]["delivery_info"]["routing_key"] == "coding"


def test_an_envelope_is_handed_on_as_it_is() -> None:
    first = checked((b"coding", b"garbage"), max_bytes=LIMIT)
    assert first is not None

    assert checked(first, max_bytes=LIMIT) == first
    assert checked(None, max_bytes=LIMIT) is None


def test_a_secret_at_the_cut_is_not_kept_by_half() -> None:
    secret = "hunter2-" * 8
    redactor = Redactor([("TOKEN", secret)])

    for shift in range(len(secret)):
        body = json.dumps([["x" * (KEPT_BYTES - shift) + secret], {}, {}]).encode()
        header = "y" * (KEPT_HEADER - shift) + secret

        letter = letter_of(
            message(body=body, headers=headers(note=header)), "coding", "no good", redactor
        )

        assert "hunter2" not in letter.to_json()
