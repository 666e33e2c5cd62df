"""The journal is written by code that is not trusted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from selfheal.checks.journal import Journal, Watchdog


def outcome(test: str, said: str = "passed", **more: object) -> str:
    return json.dumps({"kind": "outcome", "id": test, "outcome": said, "seconds": 0.5, **more})


def test_lines_are_taken_as_they_come(tmp_path: Path):
    path = tmp_path / "journal"
    first, second = outcome("a"), outcome("b", "failed", failure={"type": "E", "message": "m\0"})

    with Journal(path) as journal:
        assert not journal.follow()
        path.write_text(first + "\n" + second[:20])
        assert journal.follow()
        assert journal.notes.outcomes == {"a": "passed"}
        path.write_text(first + "\n" + second + "\n")
        journal.follow()

    assert journal.notes.outcomes == {"a": "passed", "b": "failed"}
    assert journal.notes.failures["b"].message == "m\ufffd"
    assert not path.exists()


@pytest.mark.parametrize(
    "line",
    [
        *("", "no json", "[]", "3", '{"kind": "outcome"}', '{"kind": "ended"}'),
        *(outcome("a", "great"), outcome("a", failure=3), outcome("a", failure={"line": "x"})),
    ],
)
def test_lines_that_the_reporter_would_not_write_do_no_harm(tmp_path: Path, line: str):
    path = tmp_path / "journal"
    path.write_text(f"{line}\n{outcome('b')}\n")

    with Journal(path) as journal:
        journal.follow()

    assert journal.notes.outcomes["b"] == "passed"
    assert journal.notes.exit_code is None


def test_a_link_a_pipe_or_a_folder_in_its_place_is_not_read(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text(outcome("stolen") + "\n")
    (tmp_path / "link").symlink_to(secret)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()

    for name in ("link", "pipe", "folder"):
        with Journal(tmp_path / name) as journal:
            assert not journal.follow()
            assert journal.notes.outcomes == {}

    assert secret.exists()


def test_the_watchdog_says_stop_when_a_test_is_over_its_time(tmp_path: Path):
    path = tmp_path / "journal"
    path.write_text('{"kind": "running", "id": "a"}\n')
    watchdog = Watchdog(Journal(path), test_seconds=0.0, stop=lambda: False)

    assert not watchdog()  # something new was written
    assert watchdog()
    assert (watchdog.hung, watchdog.stopped) == (True, False)


def test_the_watchdog_passes_on_a_stop(tmp_path: Path):
    watchdog = Watchdog(Journal(tmp_path / "none"), test_seconds=60.0, stop=lambda: True)

    assert watchdog()
    assert (watchdog.hung, watchdog.stopped) == (False, True)
