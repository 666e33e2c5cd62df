"""Environments of target repositories, made of what is installed in this one."""

from __future__ import annotations

import re
import shutil
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path


def environment_with(*names: str, folder: Path) -> Path:
    """The interpreter of a new environment with copies of these packages and what they need."""
    venv.EnvBuilder(symlinks=True).create(folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    for one in _with_what_they_need(names):
        for entry in sorted({file.parts[0] for file in one.files or () if file.parts[0] != ".."}):
            _copy(Path(str(one.locate_file(entry))), packages / entry)
    return folder / "bin" / "python"


def _with_what_they_need(names: tuple[str, ...]) -> Iterator[Distribution]:
    waiting, seen = [*names], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            yield (one := distribution(name))
            waiting += [_name(line) for line in one.requires or () if ";" not in line]


def _name(requirement: str) -> str:
    """Of a line like `pluggy<2,>=1.5`."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.is_file():
        shutil.copy2(source, target)
