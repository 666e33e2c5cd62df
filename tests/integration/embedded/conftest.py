"""Run folders: an empty one of each test's own, and one that all share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from selfheal.embedded.provider import start_servers, stop, wipe
from selfheal.embedded.run_folder import RunFolder


@pytest.fixture
def empty_folder(quick_disk: Path) -> Iterator[RunFolder]:
    """A run folder that no server has used; after the test nothing runs in it or is left of it."""
    folder = RunFolder.open(quick_disk / "empty")
    yield folder
    folder.create()
    stop(folder)
    shutil.rmtree(folder.path)


@pytest.fixture
def used_folder(_initialised: RunFolder) -> Iterator[RunFolder]:
    """A run folder whose servers have run and were stopped; shared, because a new one takes long.

    A test that breaks something in it mends that again.
    """
    yield _initialised
    stop(_initialised)


@pytest.fixture(scope="session")
def _initialised(quick_disk: Path) -> Iterator[RunFolder]:
    folder = RunFolder.open(quick_disk / "used")
    with start_servers(folder):
        pass
    yield folder
    wipe(folder)
