"""Which files of a work tree are the project's own code and may be repaired."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from selfheal.repair.forbidden import is_test_file
from selfheal.repair.source import SourceFile

_SKIPPED = frozenset(
    [
        "build",
        "dist",
        "docs",
        "doc",
        "examples",
        "site-packages",
        "node_modules",
        "venv",
        "env",
        "__pycache__",
        "benchmarks",
    ]
)
_SCRIPTS = frozenset({"setup.py", "noxfile.py", "conftest.py", "conf.py"})


def project_files(worktree: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """Relative POSIX paths of the files that may change: the given ones, else all but tests."""
    if paths:
        return tuple(sorted(p for p in paths if p.endswith(".py") and (worktree / p).is_file()))
    found: list[str] = []
    for folder, names, files in os.walk(worktree):
        names[:] = sorted(name for name in names if _is_code_folder(Path(folder, name)))
        relative = (Path(folder) / name for name in files if name.endswith(".py"))
        found.extend(path.relative_to(worktree).as_posix() for path in relative)
    return tuple(sorted(p for p in found if not is_test_file(p) and Path(p).name not in _SCRIPTS))


def project_sources(
    worktree: Path, files: Sequence[str]
) -> tuple[dict[str, SourceFile], tuple[tuple[str, str], ...]]:
    """Parsed files by path, and those that cannot be read with the reason."""
    sources: dict[str, SourceFile] = {}
    unread: list[tuple[str, str]] = []
    for path in files:
        try:
            with (worktree / path).open(encoding="utf-8", newline="") as file:
                sources[path] = SourceFile(path, file.read())
        except (SyntaxError, ValueError, OSError) as error:
            unread.append((path, f"cannot be parsed here: {error}"))
    return sources, tuple(unread)


def _is_code_folder(folder: Path) -> bool:
    plain = not folder.name.startswith(".") and folder.name not in _SKIPPED
    return plain and not (folder / "pyvenv.cfg").exists()
