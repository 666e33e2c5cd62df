"""The interpreter that runs a target's tests, judged by what lies on disk: it is never started
here, because a repository may bring its own."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from selfheal.errors import EnvironmentUnusable, TestsUnusable

ENVIRONMENT_FOLDERS = (".venv", "venv")

_NAME = re.compile(r"(?:python|pypy)\d?(?:\.\d+)?\Z")
_VERSION = re.compile(r"python(\d+\.\d+)\Z")


@dataclass(frozen=True)
class Interpreter:
    """A Python and the packages installed for it."""

    python: Path

    @cached_property
    def is_environment(self) -> bool:
        """Whether this is a virtual environment."""
        return self._config.is_file()

    @cached_property
    def packages(self) -> tuple[str, ...]:
        """Names and versions of the installed distributions, sorted."""
        found = {
            entry.name.removesuffix(".dist-info")
            for folder in self._site_folders
            for entry in folder.glob("*.dist-info")
        }
        return tuple(sorted(found))

    @cached_property
    def version(self) -> str:
        """Such as `3.11`; empty when the layout does not tell."""
        names = (self.python.resolve().name, *(folder.parent.name for folder in self._site_folders))
        matches = (_VERSION.match(name) for name in names)
        return next((match[1] for match in matches if match), "")

    def has(self, module: str) -> bool:
        """Whether this top-level module is installed."""
        return any(
            (folder / module).is_dir() or (folder / f"{module}.py").is_file()
            for folder in self._site_folders
        )

    @property
    def _config(self) -> Path:
        return self.python.parent.parent / "pyvenv.cfg"

    @cached_property
    def _site_folders(self) -> tuple[Path, ...]:
        prefixes = [self.python.parent.parent] if self.is_environment else []
        if not self.is_environment or self._sees_system_packages():
            base = self.python.resolve().parent.parent
            prefixes += [base, base / "local"]
        return tuple(folder for prefix in prefixes for folder in _below(prefix, self._wanted))

    def _sees_system_packages(self) -> bool:
        text = self._config.read_text(errors="replace").lower()
        return bool(re.search(r"^include-system-site-packages\s*=\s*true", text, re.MULTILINE))

    @cached_property
    def _wanted(self) -> str:
        match = _VERSION.match(self.python.resolve().name)
        return f"python{match[1]}" if match else "python3.*"


def given_interpreter(python: Path) -> Interpreter:
    """The interpreter that somebody has named.

    Raises EnvironmentUnusable when there is none, TestsUnusable when it has no pytest.
    """
    path = python.expanduser().absolute()
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise EnvironmentUnusable(
            f"expected a Python interpreter at {path}, found none: pass --python with the path of"
            " one that has the repository's dependencies"
        )
    if not _NAME.match(path.resolve().name):
        raise EnvironmentUnusable(
            f"expected a Python interpreter at {path}, found a link to {path.resolve().name}"
        )
    found = Interpreter(path)
    # Of other layouts too little is known to refuse: the run itself will tell.
    if found.is_environment and not found.has("pytest"):
        raise TestsUnusable(f"{path} has no pytest: install it with `{path} -m pip install pytest`")
    return found


def environment_of(checkout: Path, *, root: Path) -> Interpreter | None:
    """The virtual environment of the user's folder, when there is one that has pytest.

    One that the clean work tree `root` holds too was committed, so it is the repository's and not
    the user's: it is not used, because an interpreter is asked for its folders outside of a jail.
    """
    for name in ENVIRONMENT_FOLDERS:
        python = checkout / name / "bin" / "python"
        if os.path.lexists(root / name) or not python.is_file():
            continue
        found = Interpreter(python.absolute())
        if found.is_environment and found.has("pytest"):
            return found
    return None


def farm_interpreter() -> Interpreter:
    """The interpreter of this process."""
    return Interpreter(Path(sys.executable))


def _below(prefix: Path, version: str) -> list[Path]:
    """Where packages lie below an installation, Debian's ways included."""
    patterns = (
        f"lib/{version}/site-packages",
        f"lib/{version}/dist-packages",
        "lib/python3/dist-packages",
    )
    return [folder for pattern in patterns for folder in sorted(prefix.glob(pattern))]
