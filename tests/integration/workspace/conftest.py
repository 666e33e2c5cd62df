"""Real repositories for the tests of `selfheal.workspace`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from selfheal.workspace.git import Identity
from selfheal.workspace.mirror import Mirror

ALICE = Identity("Alice", "alice@example.org")
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


class Origin:
    """A repository as a user has it, made with the plain git program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Origin")
        self.git("config", "user.email", "origin@example.org")

    @property
    def url(self) -> str:
        return str(self.folder)

    def git(self, *arguments: str) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": "/dev/null", "LC_ALL": "C"}
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, files: Mapping[str, str], message: str = "change") -> str:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            self.git("add", "--", name)
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


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


def tripwire(folder: Path) -> tuple[Path, Path]:
    """A program that leaves a mark when it is run, and that mark."""
    mark, program = folder / "tripped", folder / "trip.sh"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    program.chmod(0o755)
    return program, mark
