"""What an editable install would have left in a work tree, without running the project's build.

Many projects ask for their own version when they are imported, from package metadata or from a
file that their build writes and git ignores. A clean work tree has neither. Both are derived from
the project's declarations; nothing here is ever committed, because commits take the index only.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from selfheal.checks.pyproject import read_toml, table
from selfheal.errors import InvalidSettings

FOLDER = ".selfheal-install"
"""In the work tree, on the import path: holds the metadata."""

_UNKNOWN_VERSION = "0.0.0"

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_VERSION = re.compile(r"[A-Za-z0-9.+!_-]{1,100}\Z")
_ARGUMENT = re.compile(r"""\bname\s*=\s*["']([A-Za-z0-9._-]+)["']""")


@dataclass(frozen=True, slots=True)
class Project:
    """A project as it declares itself; `version_files` are what its build would write."""

    name: str
    version: str = _UNKNOWN_VERSION
    version_files: tuple[str, ...] = ()
    entry_points: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def normal_name(self) -> str:
        """The name as installed metadata spells it."""
        return re.sub(r"[-_.]+", "_", self.name).lower()


def prepare(root: Path) -> None:
    """Write metadata and missing version files below `root`; nothing for an undeclared project.

    Nothing that is there is overwritten, and no link is followed out of `root`.
    """
    project = declared_project(root)
    if project is None or os.path.lexists(root / FOLDER):
        return
    info = root / FOLDER / f"{project.normal_name}-{project.version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project.name}\nVersion: {project.version}\n"
    )
    (info / "entry_points.txt").write_text(_entry_points(project))
    for path in project.version_files:
        _write_version(root, path, project.version)


def declared_project(root: Path) -> Project | None:
    """The project whose sources `root` holds; None where it does not declare a name."""
    try:
        pyproject = read_toml(root / "pyproject.toml")
    except InvalidSettings:
        return None
    named, poetry = table(pyproject, "project"), table(pyproject, "tool", "poetry")
    setup, packed = _setup_cfg(root), _packed(root)
    name = _first(_NAME, named, poetry, setup, packed) or _argument_of_setup(root)
    if name is None:
        return None
    return Project(
        name,
        _first_version(packed, named, poetry, setup),
        tuple(_version_files(table(pyproject, "tool"))),
        _strings(table(named, "entry-points")),
    )


def _first(shape: re.Pattern[str], *sources: dict[str, Any]) -> str | None:
    found = (source.get("name") for source in sources)
    return next((name for name in found if isinstance(name, str) and shape.match(name)), None)


def _first_version(*sources: dict[str, Any]) -> str:
    found = (source.get("version") for source in sources)
    fitting = (text for text in found if isinstance(text, str) and _VERSION.match(text))
    return next(fitting, _UNKNOWN_VERSION)


def _setup_cfg(root: Path) -> dict[str, Any]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(root / "setup.cfg", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return dict(parser["metadata"]) if parser.has_section("metadata") else {}


def _packed(root: Path) -> dict[str, Any]:
    """What a source archive says about itself, where one was put under version control."""
    try:
        headers = HeaderParser().parsestr((root / "PKG-INFO").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return {}
    return {"name": headers.get("Name"), "version": headers.get("Version")}


def _argument_of_setup(root: Path) -> str | None:
    try:
        match = _ARGUMENT.search((root / "setup.py").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return match[1] if match else None


def _version_files(tool: dict[str, Any]) -> Iterator[str]:
    """Where setuptools-scm, hatch-vcs and pdm are told to write the version."""
    places = (
        (table(tool, "setuptools_scm"), ("version_file", "write_to")),
        (table(tool, "hatch", "build", "hooks", "vcs"), ("version-file",)),
        (table(tool, "pdm", "version"), ("write_to",)),
    )
    for settings, keys in places:
        yield from (settings[key] for key in keys if isinstance(settings.get(key), str))


def _strings(groups: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {
        group: {name: text for name, text in table(groups, group).items() if isinstance(text, str)}
        for group in groups
    }


def _entry_points(project: Project) -> str:
    lines = []
    for group, entries in project.entry_points.items():
        lines += [f"[{group}]", *(f"{name} = {text}" for name, text in entries.items()), ""]
    return "\n".join(lines)


def _write_version(root: Path, path: str, version: str) -> None:
    file = root / path
    inside = file.parent.resolve().is_relative_to(root.resolve())
    if not path.endswith(".py") or not inside or not file.parent.is_dir() or os.path.lexists(file):
        return
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    file.write_text(
        f"__version__ = version = {version!r}\n__version_tuple__ = version_tuple = {numbers!r}\n"
    )
