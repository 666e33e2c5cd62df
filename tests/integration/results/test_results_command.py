"""`python -m selfheal.results`, as an operator of any Celery project types it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from selfheal.results.pool import conninfo


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "selfheal.results", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_upgrade_makes_the_tables_and_says_their_version(
    fresh_database: Callable[..., str], tmp_path: Path
) -> None:
    url = f"selfheal+{fresh_database()}"

    before = command("check", url, cwd=tmp_path)
    upgraded = command("upgrade", url, cwd=tmp_path)
    after = command("check", url, cwd=tmp_path)

    assert (before.returncode, before.stdout) == (1, "")
    assert "version 0, this code needs 1: run `python -m selfheal.results upgrade" in before.stderr
    assert (upgraded.stdout, after.stdout) == ("result tables: version 1\n",) * 2


def test_a_schema_made_by_somebody_else_is_used(
    fresh_database: Callable[..., str], tmp_path: Path
) -> None:
    url = fresh_database()
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA selfheal_results")

    assert command("upgrade", url, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("upgrade", "redis://localhost"), "starts with redis://: expected one of"),
        (("upgrade", "postgresql://localhost:1/none"), "port 1 failed"),
        (("sweep", "--app", "project"), "its result_backend is RedisBackend, expected selfheal+"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(
    arguments: tuple[str, ...], problem: str, tmp_path: Path
) -> None:
    (tmp_path / "project.py").write_text(
        "from celery import Celery\napp = Celery('p', backend='redis://localhost:1/0')\n"
    )

    refused = command(*arguments, cwd=tmp_path)

    assert refused.returncode == 1
    assert problem in refused.stderr and "Traceback" not in refused.stderr
