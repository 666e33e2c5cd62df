"""What a repository says about its own checks: `[tool.selfheal]` of `pyproject.toml`, or
`.selfheal.toml`, which wins."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from selfheal.checks.pyproject import read_toml, table
from selfheal.errors import InvalidSettings

OWN_FILE = ".selfheal.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositorySettings:
    """None: not said, so it is detected. An empty `format` or `lint` switches that check off."""

    test: str | None = None
    format: str | None = None
    lint: str | None = None
    build: str | None = None
    python: str | None = None


COMMANDS = ("format", "lint", "build", "test")
"""What a repository can name a command for, in the order in which they are run."""


def named_commands(settings: RepositorySettings) -> dict[str, str]:
    """The commands that the repository itself names; what would be detected is not among them."""
    said = {name: getattr(settings, name) for name in COMMANDS}
    return {name: command for name, command in said.items() if command}


def read_repository_settings(root: Path) -> RepositorySettings:
    """The repository's settings; raises InvalidSettings naming the file and the entry."""
    own = read_toml(root / OWN_FILE)
    if own:
        return _checked(own, OWN_FILE)
    shared = table(read_toml(root / "pyproject.toml"), "tool", "selfheal")
    return _checked(shared, "pyproject.toml [tool.selfheal]")


def _checked(said: dict[str, Any], source: str) -> RepositorySettings:
    known = [field.name for field in fields(RepositorySettings)]
    for name, value in said.items():
        if name not in known:
            raise InvalidSettings(f"{source}: no such key {name!r}; keys are {', '.join(known)}")
        if not isinstance(value, str):
            raise InvalidSettings(f"{source}: {name} must be a string, found {value!r}")
    return RepositorySettings(**said)
