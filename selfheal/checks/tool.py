"""A formatter or linter: the command, and where it was found."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from selfheal.checks.interpreter import Interpreter
from selfheal.checks.pyproject import read_toml, table
from selfheal.errors import InvalidSettings
from selfheal.sandbox.interpreter import interpreter_paths

DEFAULT_LINTER = "ruff check"

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

# Tools that are Python modules: run as such, by whichever interpreter has them.
_MODULES = frozenset({"black", "ruff", "flake8", "isort", "pylint", "autopep8", "yapf", "mypy"})

_QUIET: dict[str, tuple[str, ...]] = {"black": ("--quiet",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """`argv` takes the files it works on at its end; `name` is what people call it."""

    name: str
    argv: tuple[str, ...]
    readable: tuple[Path, ...] = ()

    def __str__(self) -> str:
        return self.name


def find_formatter(
    said: str | None, interpreters: Iterable[Interpreter], *, root: Path
) -> tuple[Tool | None, str]:
    """The formatter, or None and the note why formatting is not checked.

    Where nobody says it is black, or ruff in a repository that configures ruff and not black.
    """
    return _find(_usual_formatter(root) if said is None else said, interpreters, what="formatter")


def find_linter(said: str | None, interpreters: Iterable[Interpreter]) -> tuple[Tool | None, str]:
    """The linter, or None and the note why nothing is linted."""
    return _find(DEFAULT_LINTER if said is None else said, interpreters, what="linter")


def find_command(
    said: str, interpreters: Iterable[Interpreter], *, what: str
) -> tuple[Tool | None, str]:
    """A command that a repository names for `what`, or None and the note why it cannot be run."""
    return _find(said, interpreters, what=f"{what} command")


def _usual_formatter(root: Path) -> str:
    tool = table(read_toml(root / "pyproject.toml"), "tool")
    own_file = any((root / name).is_file() for name in ("ruff.toml", ".ruff.toml"))
    return "ruff format" if (own_file or "ruff" in tool) and "black" not in tool else "black"


def _find(
    command: str, interpreters: Iterable[Interpreter], *, what: str
) -> tuple[Tool | None, str]:
    words = _words(command, what=what)
    if not words:
        return None, f"the repository's settings switch the {what} off"
    for interpreter in interpreters:
        argv = _argv(words, interpreter)
        if argv:
            readable = interpreter_paths(interpreter.python)
            return Tool(name=command, argv=argv, readable=tuple(readable)), ""
    return None, (
        f"the {what} {words[0]} is installed neither in the repository's environment nor in"
        " the farm's, so it was not run"
    )


def _words(command: str, *, what: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise InvalidSettings(f"the {what} {command!r} cannot be read: {error}") from error


def _argv(words: list[str], interpreter: Interpreter) -> tuple[str, ...] | None:
    if words[0] in ("python", "python3"):
        return (str(interpreter.python), *words[1:])
    if words[0] in _MODULES:
        if not interpreter.has(words[0]):
            return None
        quiet = _QUIET.get(words[0], ())
        return (str(interpreter.python), "-m", *words[:1], *quiet, *words[1:])
    found = shutil.which(words[0], path=f"{interpreter.python.parent}:{_SYSTEM_PATH}")
    return (found, *words[1:]) if found else None
