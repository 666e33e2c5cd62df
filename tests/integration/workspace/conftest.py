"""Real repositories for the tests of `selfheal.workspace`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from git_origins import Origin

from selfheal.workspace.mirror import Mirror


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    made = Origin(tmp_path / "origin")
    made.commit({"app.py": "one\ntwo\nthree\n", "tests/test_app.py": "ok\n"}, "first")
    return made


@pytest.fixture
def mirror(origin: Origin, tmp_path: Path) -> Mirror:
    made = Mirror.open(tmp_path / "mirrors", origin.url)
    made.fetch()
    return made


@pytest.fixture
def foreign_origin(origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Origin:
    """An origin that belongs to another user; who cannot give files away has a git that takes every
    repository for somebody else's."""
    if os.geteuid() == 0:
        for path in [origin.folder, *origin.folder.rglob("*")]:
            os.lchown(path, 65534, 65534)
        return origin
    wrapper = tmp_path / "suspicious" / "git"
    wrapper.parent.mkdir()
    real = shutil.which("git")
    wrapper.write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    return origin
