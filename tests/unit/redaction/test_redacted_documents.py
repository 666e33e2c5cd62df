from __future__ import annotations

import json

from selfheal.contracts.change_request import ChangeRequest
from selfheal.redaction import Redactor
from selfheal.redaction.documents import redacted, redacted_request, redacted_shown
from tests.data.canaries import CANARIES

TOKEN = CANARIES["github"].secret
REDACTOR = Redactor([("A_KEY", "correct horse")])


def test_texts_are_redacted_wherever_they_stand_and_all_else_stays() -> None:
    value = {"a": [TOKEN, 1, None, True, {"b": f"x {TOKEN}"}], "c": 1.5, "d": "correct horse"}

    clean = redacted(REDACTOR, value)

    assert TOKEN not in json.dumps(clean)
    assert clean["a"][1:4] == [1, None, True]
    assert clean["d"].startswith("<secret:A_KEY:")
    assert redacted(REDACTOR, clean) == clean


def test_what_stands_under_the_name_of_a_secret_goes_whatever_it_looks_like() -> None:
    fields = {"db_password": "abc", "clientSecret": "x y z", "auth": "dXNlcg=="}
    plain = {"tokens": 12, "key": "abc", "password": "", "keywords": "a b", "token": None}

    clean = redacted(REDACTOR, fields)

    assert all(value.startswith(f"<secret:{name}:") for name, value in clean.items())
    assert redacted(REDACTOR, plain) == plain


def test_ids_of_tests_stay_for_by_these_they_are_run() -> None:
    value = {"failing_tests": [f"tests/test_a.py::test_token[{TOKEN}]"], "why": TOKEN}

    clean = redacted(REDACTOR, value)

    assert clean["failing_tests"] == value["failing_tests"]
    assert TOKEN not in clean["why"]


def test_json_in_a_text_is_redacted_inside_and_stays_json() -> None:
    inner = json.dumps({"text": f'say "{TOKEN}"', "password": 'a"b', "failing": [TOKEN]})

    clean = json.loads(redacted(REDACTOR, inner))

    assert TOKEN not in clean["text"]
    assert clean["password"].startswith("<secret:password:")
    assert clean["failing"] == [TOKEN]
    assert redacted(REDACTOR, '{"a":   1}') == '{"a":   1}'
    assert redacted(REDACTOR, "[no json") == "[no json"
    assert TOKEN not in redacted(REDACTOR, "[" * 100_000 + TOKEN)


def test_lines_of_a_key_are_known_by_their_neighbours() -> None:
    text, secret = CANARIES["rsa key"]

    clean = redacted(REDACTOR, text.split("\n"))

    assert secret not in str(clean)
    assert len(clean) == len(text.split("\n"))


def test_what_json_does_not_know_is_shown_and_redacted() -> None:
    shown = redacted_shown(REDACTOR, {"error": ValueError(TOKEN), "raw": TOKEN.encode()})

    assert TOKEN not in str(shown)
    assert shown["error"].startswith("ValueError('<secret:")


def test_a_request_keeps_its_meaning_and_its_limits() -> None:
    request = ChangeRequest(
        repo="https://example.org/a.git",
        description=f"{'x' * 49_900} {TOKEN} " + "y " * 20,
        context={"test_command": "pytest -q", "locals": {"password": "p"}},
        failing_tests=("tests/test_a.py::test_b",),
    )

    clean = redacted_request(REDACTOR, request)

    assert TOKEN not in clean.to_json()
    assert (clean.id, clean.repo, clean.failing_tests) == (
        request.id,
        request.repo,
        request.failing_tests,
    )
    assert clean.context["test_command"] == "pytest -q"
    assert len(clean.description) <= 50_000
    assert redacted_request(REDACTOR, clean) == clean
