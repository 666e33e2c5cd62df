"""What an application that enqueues work has to load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = {
    "alembic",
    "celery",
    "git",
    "httpx",
    "kombu",
    "networkx",
    "psycopg",
    "pydantic",
    "redis",
    "rich",
    "sqlalchemy",
    "structlog",
    "tree_sitter",
    "typer",
}
FARM = {"celery", "cli", "coding", "dispatch", "flows", "planning", "store", "tasks", "workspace"}


def loaded_by(statement: str, *, cwd: Path) -> set[str]:
    run = subprocess.run(
        [sys.executable, "-P", "-c", f"{statement}\nimport sys\nprint(*sys.modules)"],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return set(run.stdout.split())


def test_importing_the_client_loads_no_heavy_library(tmp_path: Path) -> None:
    loaded = loaded_by("import selfheal.client", cwd=tmp_path)

    assert not HEAVY & loaded


def test_importing_the_client_loads_no_part_of_the_farm(tmp_path: Path) -> None:
    loaded = loaded_by("import selfheal.client", cwd=tmp_path)

    assert not {f"selfheal.{name}" for name in FARM} & loaded
