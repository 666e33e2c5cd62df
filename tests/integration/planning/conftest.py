"""A scripted codex, and a checkout to plan in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.projects import BROKEN, Project, make_project
from tests.integration.planning.scripted import ScriptedCodex


@pytest.fixture
def codex(tmp_path: Path) -> ScriptedCodex:
    folder = tmp_path / "codex"
    folder.mkdir()
    return ScriptedCodex(folder)


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return make_project(tmp_path / "shop", BROKEN)
