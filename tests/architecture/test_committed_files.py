"""What is committed says nothing about the machine it was written on, and holds no secret."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
# Written so that this file does not match itself.
MACHINE = re.compile(
    r"/(?:root|work|mnt)/\w|/home/(?!user\b)\w|/Users/\w|[.]pyenv\b|(?:extra-)?index-url\s*="
)
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]{40}|\bghp_[A-Za-z0-9]{36}\b"
)
# The pages of tests that give redaction and the gate something to find are meant to look bad.
MADE_UP = re.compile(r"^tests/(?:unit|integration|data)/.*")


def committed() -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return [name for name in listing.stdout.split("\0") if (REPOSITORY / name).is_file()]


def matching(pattern: re.Pattern[str], names: list[str]) -> list[str]:
    return [
        f"{name}: {found[0]}"
        for name in names
        if (found := pattern.search((REPOSITORY / name).read_text("utf-8", errors="replace")))
    ]


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    assert not matching(MACHINE, [name for name in committed() if not MADE_UP.match(name)])


def test_no_file_holds_a_secret() -> None:
    assert not matching(SECRET, [name for name in committed() if not MADE_UP.match(name)])


def test_no_large_file_is_committed() -> None:
    large = [name for name in committed() if (REPOSITORY / name).stat().st_size > 500_000]

    assert not large
