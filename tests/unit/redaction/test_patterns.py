"""Every canary is found by its form alone, in files, diffs and pieces of them."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfheal.edits.diff import unified_diff
from selfheal.redaction import Redactor
from selfheal.redaction.placeholder import PLACEHOLDER
from selfheal.redaction.redactor import PATTERNS
from tests.data.canaries import CANARIES, KNOWN

texts = st.lists(
    st.sampled_from([canary.text for canary in CANARIES.values()])
    | st.sampled_from(["x = 1", "", "    return total", "# a comment", "password = read()"])
    | st.text(alphabet='ab1:/@"\\=<>.-_ \n', max_size=20),
    max_size=8,
).map("\n".join)


@pytest.mark.parametrize("name", CANARIES)
def test_a_canary_is_found_by_its_form(name: str) -> None:
    text, secret = CANARIES[name]

    redacted = Redactor().redact(f"before\n{text}\nafter\n")

    assert secret not in redacted
    assert redacted.startswith("before\n")
    assert redacted.endswith("\nafter\n")
    assert Redactor().find(text) is not None


def test_there_are_enough_canaries_and_patterns() -> None:
    assert len(CANARIES) >= 60
    assert len({one.kind for one in PATTERNS}) >= 40


def test_what_is_known_by_name_only_is_found_line_by_line() -> None:
    redactor = Redactor(KNOWN.values())

    for _, value in KNOWN.values():
        diff = "".join(f"+{line}\n" for line in value.split("\n"))
        redacted = redactor.redact(diff)
        assert not any(line in redacted for line in value.split("\n"))
        assert redacted.count("\n") == diff.count("\n")


@settings(deadline=None)
@given(st.binary(max_size=5), st.binary(max_size=5), st.sampled_from(sorted(KNOWN)))
def test_a_known_value_is_found_in_the_base64_of_what_is_around_it(
    before: bytes, after: bytes, name: str
) -> None:
    value = KNOWN[name][1].encode()
    encoded = base64.b64encode(before + value + after).decode()

    if len(value) >= 8:
        assert Redactor(KNOWN.values()).find(encoded) == KNOWN[name][0]


@settings(deadline=None)
@given(texts)
def test_redacting_twice_changes_nothing_and_leaves_nothing_to_find(text: str) -> None:
    redacted = Redactor().redact(text)

    assert Redactor().redact(redacted) == redacted
    assert Redactor().find(redacted) is None


@settings(deadline=None)
@given(texts)
def test_what_was_taken_out_can_be_put_back_from_where_it_came(text: str) -> None:
    redactor = Redactor()

    assert redactor.restore(redactor.redact(text), of=[text]) == text


def test_nothing_is_put_back_from_a_text_that_does_not_hold_it() -> None:
    redactor = Redactor()
    text = CANARIES["github"].text

    assert redactor.restore(redactor.redact(text), of=["x = 1\n"]) is None
    assert redactor.restore("x = 1\n", of=[]) == "x = 1\n"
    assert redactor.restore("<secret:a:000000>", of=["# <secret:a:000000>"]) == "<secret:a:000000>"


@settings(deadline=None)
@given(texts)
def test_lines_may_be_redacted_one_by_one(text: str) -> None:
    """But for the lines of a key: only the marks round it tell what they are."""
    lines = [line for line in text.split("\n") if "PRIVATE KEY" not in line]

    whole = Redactor().redact("\n".join(lines))

    # What begins a PuTTY key has its marks in a line of its own too.
    if "Private-Lines" not in text:
        assert whole == "\n".join(map(Redactor().redact, lines))


@pytest.mark.parametrize("sign", ["+", "-", " "])
@pytest.mark.parametrize("name", CANARIES)
def test_the_sign_of_a_diff_makes_no_difference(name: str, sign: str) -> None:
    text = CANARIES[name].text

    signed = "\n".join(sign + line for line in text.split("\n"))

    redacted = Redactor().redact(text)
    assert Redactor().redact(signed) == "\n".join(sign + line for line in redacted.split("\n"))


def test_a_redacted_diff_applies_to_the_redacted_file(tmp_path: Path) -> None:
    old = [f"# {name}\n{text}" for name, (text, _) in CANARIES.items()]
    before = "\n".join(old) + "\n"
    after = "\n".join(line for part in old[1::2] for line in (part, "new = 1", "")) + "\n"
    redact = Redactor().redact
    diff = redact(unified_diff({"a.txt": before}, {"a.txt": after}))

    (tmp_path / "a.txt").write_text(redact(before))
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff.encode(), check=True, timeout=60)

    assert (tmp_path / "a.txt").read_text() == redact(after)


@pytest.mark.parametrize(
    "unit",
    [
        *("a", "a://", "eyJ", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----\n", "password", "key_"),
        *(
            "password=",
            "a_password: ",
            "x-api-key",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n",
            "A" * 64 + "\n",
        ),
        *(
            '"token": "',
            "Cookie: a=b;",
            "[.get(",
            "<secret:a:",
            "<secret:a:000000>",
            "Bearer ",
            "a.b-c_d.",
        ),
        *(
            "sig=%",
            "?key=",
            "://u:p",
            "\\n",
            "--token ",
            "login a password ",
            "_authToken=",
            "+-+-",
            "heroku",
        ),
        *(
            "datadog",
            "password : a | b ",
            ".get('password', ",
            "PASSWORD_",
            "<password>",
            "a:1:b:c:",
            "pwd=;",
        ),
    ],
)
def test_a_long_hostile_text_is_searched_to_its_end(unit: str) -> None:
    """Nobody waits for one that grows with the square of its length: the suite's limit ends it."""
    text = unit * (60_000 // len(unit))

    for ending in ("", '!x"@'):
        redacted = Redactor().redact(text + ending)
        assert len(PLACEHOLDER.sub("", redacted)) <= len(text) + 4


def test_each_hint_is_in_what_its_pattern_finds() -> None:
    for kind, hints, regex in PATTERNS:
        found = [
            text
            for text, _ in CANARIES.values()
            if any(regex.search(line) for line in text.split("\n"))
        ]
        for text in found:
            assert any(hint in text.lower() for hint in hints), (kind, text)
