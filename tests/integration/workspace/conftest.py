"""Real repositories for the tests of `selfheal.workspace`."""

from __future__ import annotations

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
