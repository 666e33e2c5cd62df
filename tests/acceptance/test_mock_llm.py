"""`selfheal mock-llm` as somebody starts it beside an application."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from subprocess import Popen
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from selfheal.cli.exit_codes import ExitCode
from tests.acceptance.terminal import PATIENCE_SECONDS

SCRIPT = """
[[steps]]
when = { user = "2 + 2" }
answer = "4"

[[steps]]
name = "never asked for"
answer = "5"
when = { user = "2 + 3" }
"""


def url_of(server: Popen[str]) -> str:
    assert server.stdout is not None
    name, _, url = server.stdout.readline().strip().partition("=")
    assert name == "OPENAI_BASE_URL"
    return url


def asked(url: str, text: str) -> str:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    request = Request(f"{url}/chat/completions", json.dumps(body).encode())
    with urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return str(json.load(answer)["choices"][0]["message"]["content"])


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.toml"
    path.write_text(SCRIPT)
    return path


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_by_its_script_until_it_is_told_to_end(terminal, script: Path, end) -> None:
    with terminal.started("mock-llm", "--script", script, "--port", 0) as server:
        url = url_of(server)

        assert asked(url, "2 + 2") == "4"
        with pytest.raises(HTTPError, match="404") as refused:
            asked(url, "2 + 4")
        with refused.value as page:
            assert "no user turn says '2 + 3'" in json.load(page)["error"]["message"]

        server.send_signal(end)
        assert server.wait(PATIENCE_SECONDS) == ExitCode.DONE


def test_a_strict_one_says_what_was_not_used(terminal, script: Path) -> None:
    asked_for = ("mock-llm", "--script", script, "--port", 0, "--strict")
    with terminal.started(*asked_for) as server:
        asked(url_of(server), "2 + 2")

        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=PATIENCE_SECONDS)

    assert server.returncode == ExitCode.PARTIAL
    assert said == "step 2 (never asked for) was used 0 of 1 times\n"


def test_it_records_what_another_one_says(terminal, script: Path, tmp_path: Path) -> None:
    recording = tmp_path / "answers.jsonl"
    with terminal.started("mock-llm", "--script", script, "--port", 0) as upstream:
        named = ("--record", recording, "--upstream", url_of(upstream))
        with terminal.started("mock-llm", *named, "--port", 0) as recorder:
            assert asked(url_of(recorder), "2 + 2") == "4"
    with terminal.started("mock-llm", "--recording", recording, "--port", 0) as replaying:
        assert asked(url_of(replaying), "2 + 2") == "4"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "nothing to answer with"),
        (("--record", "answers.jsonl"), "go together"),
        (("--script", "missing.toml"), "the script cannot be read"),
        (("--recording", "missing.jsonl"), "the recording cannot be read"),
    ],
)
def test_what_cannot_be_served_is_a_mistake_of_usage(
    terminal, arguments: tuple[str, ...], told: str
) -> None:
    said = terminal.run("mock-llm", *arguments)

    assert said.status == ExitCode.USAGE
    assert told in said.complaint
