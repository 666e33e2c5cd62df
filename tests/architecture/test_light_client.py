"""What an application that enqueues work has to load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "alembic",
    "celery",
    "fastapi",
    "git",
    "httpx",
    "kombu",
    "networkx",
    "openai",
    "psycopg",
    "pydantic",
    "redis",
    "rich",
    "sqlalchemy",
    "structlog",
    "tree_sitter",
    "typer",
    "uvicorn",
}
FARM = {
    *("celery", "cli", "coding", "dispatch", "flows", "llm", "planning", "service", "settings"),
    *("store", "tasks", "workspace"),
}


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


@pytest.mark.parametrize(
    "statement",
    [
        "import selfheal.client",
        "from selfheal.client import Client; Client(broker_url='redis://broker/0')",
        "from selfheal.client import Client; Client(http='https://farm.example.org', token='t')",
        "from selfheal.client.planner import PlannerClient; PlannerClient('https://example.org')",
    ],
    ids=["imported", "for a broker", "for the service", "for the Planner Arm"],
)
def test_a_client_that_is_not_used_yet_loads_no_heavy_library(
    tmp_path: Path, statement: str
) -> None:
    loaded = loaded_by(statement, cwd=tmp_path)

    assert not HEAVY & loaded
    assert not {f"selfheal.{name}" for name in FARM} & loaded


@pytest.mark.parametrize(
    ("client", "other"),
    [
        ("Client(broker_url='redis://127.0.0.1:1/0', timeout=0.1)", {"httpx", "sqlalchemy"}),
        ("Client(http='http://127.0.0.1:1')", {"celery", "kombu", "redis", "sqlalchemy"}),
    ],
    ids=["a broker", "the service"],
)
def test_a_client_loads_only_what_its_own_way_to_the_farm_needs(
    tmp_path: Path, client: str, other: set[str]
) -> None:
    statement = f"""
from selfheal.client import Client
from selfheal.errors import SelfhealError
try:
    {client}.submit(repo="https://example.org/a.git", description="x")
except SelfhealError:
    pass
"""
    loaded = loaded_by(statement, cwd=tmp_path)

    assert "pydantic" in loaded
    assert not other & loaded
    assert not {f"selfheal.{name}" for name in FARM} & loaded
