"""Every module says what it is for."""

from __future__ import annotations

import ast
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
# The demo's project is a target, not a part of selfheal.
MODULES = sorted(
    path
    for folder in ("selfheal", "tasks", "benchmarks")
    for path in (REPOSITORY / folder).rglob("*.py")
    if "demo_project" not in path.parts
)


def test_every_module_has_a_docstring() -> None:
    silent = [path for path in MODULES if not ast.get_docstring(ast.parse(path.read_bytes()))]

    assert MODULES
    assert not [str(path.relative_to(REPOSITORY)) for path in silent]


def test_every_folder_of_modules_is_a_package() -> None:
    # Alembic runs its migrations as scripts.
    folders = {path.parent for path in MODULES if not {"benchmarks", "migrations"} & {*path.parts}}

    assert not [str(folder) for folder in folders if not (folder / "__init__.py").is_file()]
