"""Which file configures pytest for a whole repository."""

from __future__ import annotations

import re
from pathlib import Path

# In pytest's order; where there is a pattern, the file counts only if it has that section.
_FILES = (
    ("pytest.toml", ""),
    (".pytest.toml", ""),
    ("pytest.ini", ""),
    (".pytest.ini", ""),
    ("pyproject.toml", r"^\s*\[\s*tool\.pytest\b"),
    ("tox.ini", r"^\[pytest\]"),
    ("setup.cfg", r"^\[tool:pytest\]"),
)


def pytest_configuration(worktree: Path) -> str | None:
    """The name of the file in the top folder that configures pytest, if there is one.

    pytest looks for it from the files it is given upwards, so a run of single tests in a folder
    with a configuration of its own would be another run than that of the suite.
    """
    for name, section in _FILES:
        file = worktree / name
        if file.is_file() and re.search(section, file.read_text(errors="replace"), re.MULTILINE):
            return name
    return None
