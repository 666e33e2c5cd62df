"""`python -m unittest ...` as pytest arguments, where those run exactly the same tests."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FLAGS = frozenset({"-v", "-q", "-b", "--verbose", "--quiet", "--buffer"})
_VALUES = {
    "-s": "start",
    "--start-directory": "start",
    "-p": "pattern",
    "--pattern": "pattern",
    "-t": "top",
    "--top-level-directory": "top",
}

# unittest runs TestCase classes only; pytest finds those whatever these two say.
_CASES_ONLY = ("-o", "python_functions=", "-o", "python_classes=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """pytest's arguments, and the folders that unittest would have put on the import path."""

    options: tuple[str, ...]
    paths: tuple[str, ...]
    import_paths: tuple[str, ...]


def translated(args: list[str], root: Path) -> Translated | None:
    """pytest's way to run what `python ARGS` runs, or None where it is not the same."""
    if args[:2] != ["-m", "unittest"]:
        return None
    rest = [word for word in args[2:] if word not in _FLAGS]
    if not rest or rest[0] == "discover":
        return _discovery(rest[1:], root)
    return _names(rest, root)


def _discovery(args: list[str], root: Path) -> Translated | None:
    given = _given(args)
    if given is None:
        return None
    start, pattern = given.get("start", "."), given.get("pattern", "test*.py")
    if not (root / start).is_dir() or not _walks_alike(root / start, pattern):
        return None
    top = given.get("top", start)
    return Translated(
        options=("-o", f"python_files={pattern}", *_CASES_ONLY),
        paths=(start,),
        import_paths=() if top == "." else (top,),
    )


def _given(args: list[str]) -> dict[str, str] | None:
    """The options of `discover`, which also takes start, pattern and top in this order."""
    given: dict[str, str] = {}
    positions = iter(("start", "pattern", "top"))
    words = iter(args)
    for word in words:
        name = _VALUES.get(word) if word.startswith("-") else next(positions, None)
        value = next(words, None) if word.startswith("-") else word
        if name is None or value is None:
            return None
        given[name] = value
    return given


def _names(names: list[str], root: Path) -> Translated | None:
    places = [_place(name, root) for name in names]
    if None in places:
        return None
    paths = tuple(place for place in places if place is not None)
    return Translated(options=_CASES_ONLY, paths=paths, import_paths=())


def _place(name: str, root: Path) -> str | None:
    """`tests.test_a.Case.test_b` as `tests/test_a.py::Case::test_b`."""
    parts = name.removesuffix(".py").replace("/", ".").split(".")
    for length in range(len(parts), 0, -1):
        file = Path(*parts[:length]).with_suffix(".py")
        if (root / file).is_file():
            custom = "def load_tests" in (root / file).read_text(errors="replace")
            return None if custom else "::".join((file.as_posix(), *parts[length:]))
    return None


def _walks_alike(start: Path, pattern: str) -> bool:
    """Whether both runners find the same files: unittest enters packages only, and obeys
    `load_tests`, of which pytest knows nothing."""
    for file in _python_files(start):
        package = all(
            (folder / "__init__.py").is_file()
            for folder in file.parents
            if folder != start and folder.is_relative_to(start)
        )
        matches = fnmatch.fnmatch(file.name, pattern)
        if matches and not package:
            return False
        # A cheap look at the text is enough: a false alarm only costs the outcome per test.
        looked_at = matches or file.name == "__init__.py"
        if looked_at and "def load_tests" in file.read_text(errors="replace"):
            return False
    return True


def _python_files(start: Path) -> Iterator[Path]:
    for file in sorted(start.rglob("*.py")):
        hidden = any(part.startswith(".") for part in file.relative_to(start).parts)
        if not hidden:
            yield file
