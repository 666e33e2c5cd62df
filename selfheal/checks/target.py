"""How one repository is run: interpreter, test command, formatter, linter."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from selfheal.checks import development_install
from selfheal.checks.command import TestCommand, read_command
from selfheal.checks.interpreter import (
    Interpreter,
    environment_of,
    farm_interpreter,
    given_interpreter,
)
from selfheal.checks.pyproject import source_folders
from selfheal.checks.repository_settings import RepositorySettings, read_repository_settings
from selfheal.checks.tool import Tool, find_formatter, find_linter
from selfheal.errors import TestsUnusable
from selfheal.sandbox.interpreter import interpreter_paths

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

# Equal runs give equal outcomes: no bytecode in the work tree, no hash order from the clock.
_STEADY = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Everything that running a repository's checks needs, apart from its files.

    `options` and `test_paths` are pytest's; `command` is a test command that is not pytest, and
    then those two are empty. Paths in `environment` are relative to the work tree; `environment_in`
    gives them for one. `readable` is what a jail must show besides the work tree. `digest` is equal
    for equal environments on any host. `notes` says what will not be checked, and why.
    """

    python: Path
    options: tuple[str, ...] = ()
    test_paths: tuple[str, ...] = ()
    command: tuple[str, ...] | None = None
    environment: tuple[tuple[str, str], ...] = ()
    formatter: Tool | None = None
    linter: Tool | None = None
    readable: tuple[Path, ...] = ()
    digest: str = ""
    notes: tuple[str, ...] = ()

    @property
    def pytest_args(self) -> tuple[str, ...]:
        """pytest's arguments for the whole suite."""
        return (*self.options, *self.test_paths)

    def environment_in(self, worktree: Path) -> dict[str, str]:
        """The whole environment of a command that runs in this work tree."""
        environment = {"PATH": f"{self.python.parent}:{_SYSTEM_PATH}", **_STEADY}
        environment |= dict(self.environment)
        if folders := environment.get("PYTHONPATH"):
            # Absolute, because tests start processes in other folders.
            places = (str(worktree / folder) for folder in folders.split(":"))
            environment["PYTHONPATH"] = ":".join(places)
        return environment

    def describe(self) -> str:
        """One line for people."""
        tests = self.command or ("python", "-m", "pytest", *self.pytest_args)
        tools = [str(tool) for tool in (self.formatter, self.linter) if tool]
        return f"`{shlex.join(tests)}` with {self.python}; " + (
            " and ".join(tools) or "no formatter or linter"
        )


def detect_target(
    root: Path,
    *,
    python: Path | None = None,
    test_command: str | None = None,
    checkout: Path | None = None,
) -> Target:
    """How the repository whose files are in `root` is run.

    `python` and `test_command` are somebody's explicit wish; else the repository's own settings
    count; else its layout. `root` is a clean work tree; `checkout` is the folder its user works in,
    where a virtual environment may lie.

    Raises EnvironmentUnusable and TestsUnusable with the fix named, InvalidSettings for a settings
    file that cannot be read. Nothing of the repository is run.
    """
    settings = read_repository_settings(root)
    text = test_command or settings.test
    command = read_command(text, root) if text else TestCommand()
    if test_command and command.python:
        python = python or (checkout or root) / command.python
    named = command.python or settings.python
    interpreter = _interpreter(python, named=named, root=root, checkout=checkout)
    opaque = _runnable(command.opaque, root=root, interpreter=interpreter)
    environment = _environment(command, root, interpreter)
    formatter, linter, notes = _tools(settings, interpreter, root=root)
    readable = [*interpreter_paths(interpreter.python)]
    readable += [path for tool in (formatter, linter) if tool for path in tool.readable]
    return Target(
        python=interpreter.python,
        options=command.options,
        test_paths=command.paths,
        command=opaque,
        environment=environment,
        formatter=formatter,
        linter=linter,
        readable=tuple(dict.fromkeys(readable)),
        digest=_digest(interpreter, command, environment),
        notes=notes,
    )


def _interpreter(
    python: Path | None, *, named: str | None, root: Path, checkout: Path | None
) -> Interpreter:
    if python is not None:
        return given_interpreter(python)
    if checkout is None:
        return farm_interpreter()
    if named:
        return given_interpreter(_own_interpreter(named, root=root, checkout=checkout))
    return environment_of(checkout, root=root) or farm_interpreter()


def _own_interpreter(named: str, *, root: Path, checkout: Path) -> Path:
    """Where the interpreter is that the repository's files name.

    They may name one of the system, or one of the user's folder that is not itself in the
    repository; of any other the user has to say that it may be run.
    """
    path = Path(named)
    of_system = path.is_absolute() and path.is_relative_to("/usr")
    of_user = not path.is_absolute() and not os.path.lexists(root / path)
    if ".." in path.parts or not (of_system or of_user):
        raise TestsUnusable(
            f"the repository wants its tests run by {named}: pass --python {named} to allow that"
        )
    return checkout / path


def _environment(
    command: TestCommand, root: Path, interpreter: Interpreter
) -> tuple[tuple[str, str], ...]:
    environment = dict(command.environment)
    given = [part for part in environment.pop("PYTHONPATH", "").split(":") if part]
    own = () if _is_installed(root, interpreter) else (development_install.FOLDER,)
    folders = dict.fromkeys((*given, *command.import_paths, *source_folders(root), *own))
    if folders:
        environment["PYTHONPATH"] = ":".join(folders)
    return tuple(sorted(environment.items()))


def _is_installed(root: Path, interpreter: Interpreter) -> bool:
    """Whether the interpreter knows the project itself, or there is nothing to know."""
    project = development_install.declared_project(root)
    if project is None:
        return True
    names = (name.partition("-")[0].lower() for name in interpreter.packages)
    return project.normal_name in names


def _runnable(
    words: tuple[str, ...] | None, *, root: Path, interpreter: Interpreter
) -> tuple[str, ...] | None:
    """The opaque command, once its program is known to exist."""
    if words is None:
        return None
    program = words[0]
    if program in ("python", "python3"):
        return (str(interpreter.python), *words[1:])
    search = f"{interpreter.python.parent}:{_SYSTEM_PATH}"
    exists = (root / program).is_file() if "/" in program else shutil.which(program, path=search)
    if not exists:
        raise TestsUnusable(
            f"the test command `{shlex.join(words)}` needs the program {program}, which is neither"
            f" in {interpreter.python.parent} nor in {_SYSTEM_PATH}: install it, or pass --test"
        )
    return words


def _tools(
    settings: RepositorySettings, interpreter: Interpreter, *, root: Path
) -> tuple[Tool | None, Tool | None, tuple[str, ...]]:
    choices = (interpreter, farm_interpreter())
    formatter, no_formatter = find_formatter(settings.format, choices, root=root)
    linter, no_linter = find_linter(settings.lint, choices)
    return formatter, linter, tuple(note for note in (no_formatter, no_linter) if note)


def _digest(
    interpreter: Interpreter, command: TestCommand, environment: tuple[tuple[str, str], ...]
) -> str:
    packages = interpreter.packages or (str(interpreter.python),)
    parts = (interpreter.version, packages, command.options, command.paths, command.opaque)
    text = json.dumps((*parts, environment))
    return hashlib.sha256(text.encode()).hexdigest()
