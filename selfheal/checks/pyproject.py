"""A repository's `pyproject.toml`, read without trust in its shape."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selfheal.errors import InvalidSettings


def read_toml(file: Path) -> dict[str, Any]:
    """The parsed file, empty when there is none; raises InvalidSettings."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        return {}
    except ValueError as error:  # neither TOML nor UTF-8
        raise InvalidSettings(f"{file.name} of the repository cannot be read: {error}") from error


def table(values: Any, *keys: str) -> dict[str, Any]:
    """The table below these keys; empty when there is none, or something else in its place."""
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values if isinstance(values, dict) else {}


def source_folders(root: Path) -> tuple[str, ...]:
    """Folders of a repository whose packages its tests import as if they were installed.

    An editable install in the user's environment points at the user's folder, not at this work
    tree: the import path comes before it, so it is set whether or not there is one.
    """
    tool = table(read_toml(root / "pyproject.toml"), "tool")
    folders = (folder.strip("/") for folder in ("src", *_declared(tool)))
    return tuple(folder for folder in dict.fromkeys(folders) if _holds_packages(root, folder))


def _declared(tool: dict[str, Any]) -> Iterator[str]:
    """What setuptools and poetry are told about where packages lie."""
    where = table(tool, "setuptools", "packages", "find").get("where")
    included = table(tool, "poetry").get("packages")
    named = [table(tool, "setuptools", "package-dir").get("")]
    named += where if isinstance(where, list) else []
    named += [table(entry).get("from") for entry in included] if isinstance(included, list) else []
    return (name for name in named if isinstance(name, str))


def _holds_packages(root: Path, folder: str) -> bool:
    place = root / folder
    if folder in ("", ".") or ".." in Path(folder).parts or (place / "__init__.py").exists():
        return False
    return any(place.glob("*.py")) or any(place.glob("*/*.py"))
