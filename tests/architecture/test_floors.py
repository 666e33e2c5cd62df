"""The floors of the package tree, as pyproject.toml draws them."""

from __future__ import annotations

from pathlib import Path

import grimp
from importlinter.cli import lint_imports

REPOSITORY = Path(__file__).parents[2]


def test_no_lower_floor_imports_a_higher_one(capsys) -> None:
    verdict = lint_imports(
        config_filename=str(REPOSITORY / "pyproject.toml"), no_cache=True, verbose=False
    )

    assert verdict == 0, capsys.readouterr().out


def test_the_check_sees_the_tasks_under_their_import_name() -> None:
    graph = grimp.build_graph("selfheal", cache_dir=None)
    files = {path.stem for path in (REPOSITORY / "tasks").glob("[!_]*.py")}

    assert files
    assert {f"selfheal.tasks.{name}" for name in files} <= graph.modules
