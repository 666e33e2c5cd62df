"""A test command as people type it, read without a shell: pytest and its arguments, or opaque."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from selfheal.checks.unittest_command import translated
from selfheal.errors import TestsUnusable

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_PYTHON = re.compile(r"python(3(\.\d+)?)?\Z")
_PYTEST = frozenset({"pytest", "py.test"})
_RUNNERS = frozenset({"uv", "poetry", "pdm", "pipenv", "rye", "hatch"})
_SHELL = frozenset({"|", "||", "&&", ";", "&", ">", ">>", "<"})

# Options of pytest whose value is the next word; a word after any other option is a path.
_VALUED = frozenset(
    {
        *("-c", "-k", "-m", "-n", "-o", "-p", "-r", "-W"),
        *("--basetemp", "--capture", "--color", "--confcutdir", "--config-file", "--cov-config"),
        *("--cov-report", "--deselect", "--dist", "--ds", "--durations", "--durations-min"),
        *("--ignore", "--ignore-glob", "--import-mode", "--junit-xml", "--junitxml"),
        *("--log-cli-level", "--log-level", "--maxfail", "--override-ini", "--pythonwarnings"),
        *("--reruns", "--rootdir", "--show-capture", "--tb", "--timeout"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCommand:
    """What a test command asks for. `opaque` is None exactly when pytest can run it, with
    `options` and `paths`; `python` is the interpreter it names by a path, if any."""

    __test__ = False

    options: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    opaque: tuple[str, ...] | None = None
    python: str | None = None
    environment: tuple[tuple[str, str], ...] = ()
    import_paths: tuple[str, ...] = ()


def read_command(text: str, root: Path) -> TestCommand:
    """The command in `text`; raises TestsUnusable when it is empty or would need a shell."""
    words = _words(text)
    environment = []
    while words and _ASSIGNMENT.match(words[0]):
        name, _, value = words.pop(0).partition("=")
        environment.append((name, value))
    if not words:
        raise TestsUnusable(f"expected a test command such as `pytest tests`, found {text!r}")
    plain = _without_runner(words)
    python, args = _pytest_arguments(plain)
    if args is not None:
        options, paths = split_paths(args)
        return TestCommand(
            options=options, paths=paths, python=python, environment=tuple(environment)
        )
    found = translated(plain[1:], root) if _is_python(plain[0]) else None
    if found is not None:
        return TestCommand(
            options=found.options,
            paths=found.paths,
            python=_named(plain[0]),
            environment=tuple(environment),
            import_paths=found.import_paths,
        )
    # `uv run x` would look for packages on the network, which a jail has not.
    return TestCommand(opaque=tuple(plain), environment=tuple(environment))


def split_paths(args: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """pytest's arguments as options and positional ones."""
    options: list[str] = []
    paths: list[str] = []
    value_follows = False
    for word in args:
        if value_follows or word.startswith("-"):
            options.append(word)
        else:
            paths.append(word)
        value_follows = not value_follows and word in _VALUED
    return tuple(options), tuple(paths)


def _words(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise TestsUnusable(f"the test command {text!r} cannot be read: {error}") from error
    if found := _SHELL.intersection(words):
        raise TestsUnusable(
            f"the test command {text!r} needs a shell for {sorted(found)[0]!r}, which is not used:"
            " put it into a script of the repository and name that"
        )
    return words


def _without_runner(words: list[str]) -> list[str]:
    """The command that `uv run` and its like, or `coverage run`, would start."""
    if words[:2] == ["coverage", "run"] and "-m" in words:
        return ["python", *words[words.index("-m") :]]
    if words[0] in _RUNNERS and words[1:2] == ["run"] and len(words) > 2:
        rest = words[2:]
        while rest and rest[0] in ("--", "--frozen", "--locked", "--no-sync", "--all-extras"):
            rest.pop(0)
        if rest and not rest[0].startswith("-"):
            return rest
    return words


def _pytest_arguments(words: list[str]) -> tuple[str | None, list[str] | None]:
    if Path(words[0]).name in _PYTEST:
        return None, words[1:]
    if _is_python(words[0]) and words[1:2] == ["-m"] and words[2:3] and words[2] in _PYTEST:
        return _named(words[0]), words[3:]
    return None, None


def _is_python(word: str) -> bool:
    return bool(_PYTHON.match(Path(word).name))


def _named(word: str) -> str | None:
    return word if "/" in word else None
