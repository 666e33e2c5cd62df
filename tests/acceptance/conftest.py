"""One farm for the tests that need any, and projects to give it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.acceptance.projects import Project, make_project
from tests.acceptance.terminal import Terminal, processes_with


@pytest.fixture(scope="session")
def farm(quick_disk: Path) -> Iterator[Terminal]:
    """A terminal beside one in which `selfheal up` runs."""
    with tempfile.TemporaryDirectory(dir=quick_disk) as folder:
        terminal = Terminal(Path(folder) / "run")
        with terminal.farm():
            yield terminal
        assert processes_with(terminal.run_folder) == []


@pytest.fixture
def terminal(quick_disk: Path) -> Iterator[Terminal]:
    """A terminal with a run folder of its own, in which nothing has run yet."""
    with tempfile.TemporaryDirectory(dir=quick_disk) as folder:
        terminal = Terminal(Path(folder) / "run")
        yield terminal
        assert processes_with(terminal.run_folder) == []


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Project]:
    """`project(files)`: a user's checkout of them."""

    def make(files: Mapping[str, str]) -> Project:
        return make_project(tmp_path / "project", files)

    return make
