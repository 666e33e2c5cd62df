"""What a repository says about its own checks: `[tool.selfheal]` of `pyproject.toml`, or
`.selfheal.toml`, which wins."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from selfheal.errors import InvalidSettings

OWN_FILE = ".selfheal.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositorySettings:
    """None: not said, so it is detected. An empty `format` or `lint` switches that check off."""

    test: str | None = None
    format: str | None = None
    lint: str | None = None
    python: str | None = None


def read_repository_settings(root: Path) -> RepositorySettings:
    """The repository's settings; raises InvalidSettings naming the file and the entry."""
    table = read_pyproject(root).get("tool", {}).get("selfheal", {})
    own = _parsed(root / OWN_FILE)
    source = OWN_FILE if own else "pyproject.toml [tool.selfheal]"
    return _checked(own or table, source)


def read_pyproject(root: Path) -> dict[str, Any]:
    """The parsed `pyproject.toml`, empty when there is none; raises InvalidSettings."""
    return _parsed(root / "pyproject.toml")


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        return {}
    except ValueError as error:  # neither TOML nor UTF-8
        raise InvalidSettings(f"{file.name} of the repository cannot be read: {error}") from error


def _checked(table: Any, source: str) -> RepositorySettings:
    known = [field.name for field in fields(RepositorySettings)]
    if not isinstance(table, dict):
        raise InvalidSettings(f"{source}: expected a table, found {table!r}")
    for name, value in table.items():
        if name not in known:
            raise InvalidSettings(f"{source}: no such key {name!r}; keys are {', '.join(known)}")
        if not isinstance(value, str):
            raise InvalidSettings(f"{source}: {name} must be a string, found {value!r}")
    return RepositorySettings(**table)
