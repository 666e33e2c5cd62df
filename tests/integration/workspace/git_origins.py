"""A repository as a user has it, and what a hostile one holds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from selfheal.workspace.git import Identity

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


def tripwire(folder: Path) -> tuple[Path, Path]:
    """A program that leaves a mark when it is run, and that mark."""
    mark, program = folder / "tripped", folder / "trip.sh"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    program.chmod(0o755)
    return program, mark
