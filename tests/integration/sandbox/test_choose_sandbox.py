"""The choice fails closed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from selfheal.errors import SandboxUnavailable
from selfheal.sandbox.choose import choose_sandbox
from selfheal.sandbox.none import Unprotected
from selfheal.sandbox.probe import prove


def test_a_sandbox_is_chosen_only_after_it_has_proved_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A bwrap that runs the command with no isolation at all must not be believed.
    fake = tmp_path / "bwrap"
    fake.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    with pytest.raises(SandboxUnavailable, match="bubblewrap: "):
        choose_sandbox("bubblewrap")


def test_without_bubblewrap_the_namespaces_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("bwrap") is None

    assert choose_sandbox().name == "namespaces"
    with pytest.raises(SandboxUnavailable, match=r"bwrap is not on PATH \(fix: install bubblewrap"):
        choose_sandbox("bubblewrap")


def test_the_unsafe_mode_is_taken_only_by_name() -> None:
    sandbox = choose_sandbox("none")

    assert sandbox.name == "none"
    assert "EVERYTHING" in sandbox.leaves_open[0]


def test_the_unsafe_mode_would_not_pass_the_probe() -> None:
    with pytest.raises(SandboxUnavailable, match="files of the host are visible"):
        prove(Unprotected())


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SandboxUnavailable, match="auto, bubblewrap, namespaces, none"):
        choose_sandbox("docker")
