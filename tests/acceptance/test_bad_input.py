"""What cannot be worked on: an exit status, one clear message, and nothing half-done."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from selfheal.embedded.provider import attach
from selfheal.embedded.run_folder import RunFolder
from selfheal.store import migrate
from tests.acceptance.projects import BROKEN, SHOP, hanging
from tests.acceptance.terminal import Terminal, processes_with

NOBODY = str(uuid.UUID(int=7))
"""No request has this id."""

ONLY_MAIN = {"refs/heads/main"}


@contextmanager
def schema_at(terminal: Terminal, revision: str | None) -> Iterator[None]:
    """The farm's database says that it is at another schema, or at none."""
    servers = attach(RunFolder(terminal.run_folder))
    assert servers is not None
    with psycopg.connect(
        servers.database_url.replace("+psycopg", "", 1), autocommit=True
    ) as connection:
        connection.execute("DELETE FROM alembic_version")
        if revision:
            connection.execute("INSERT INTO alembic_version VALUES (%s)", (revision,))
        try:
            yield
        finally:
            connection.execute("DELETE FROM alembic_version")
            connection.execute("INSERT INTO alembic_version VALUES (%s)", (migrate.head(),))


@pytest.mark.parametrize("command", ["heal", "repair"])
def test_a_folder_that_is_no_repository(terminal, tmp_path: Path, command: str) -> None:
    said = terminal.run(command, tmp_path)

    assert said.status == 5
    assert f"{tmp_path} is not inside a git repository: run `git init`" in said.complaint
    assert list(tmp_path.iterdir()) == []
    assert not terminal.run_folder.exists()


@pytest.mark.parametrize(
    ("recipe", "accepted"),
    [
        ("rename:a=b", "--recipe: expected rename_symbol:pkg.mod.old=new"),
        ("rename_symbol:m.a=1b", "context.recipe.rename_symbol.to: "),
    ],
)
def test_a_recipe_that_cannot_be_read(terminal, project, recipe: str, accepted: str) -> None:
    said = terminal.run("heal", project(SHOP).folder, "--recipe", recipe)

    assert said.status == 2
    assert accepted in said.complaint
    assert not terminal.run_folder.exists()


def test_a_path_that_does_not_exist(terminal, tmp_path: Path) -> None:
    said = terminal.run("heal", tmp_path / "nowhere")

    assert said.status == 5
    assert "nowhere does not exist: name the folder of a git repository" in said.complaint
    assert not terminal.run_folder.exists()


def test_a_repository_without_a_commit(terminal, project) -> None:
    empty = project({})

    said = terminal.run("heal", empty.folder)

    assert said.status == 5
    assert "has no commit yet: make a first commit" in said.complaint
    assert empty.refs() == set()
    assert not terminal.run_folder.exists()


def test_a_repository_without_tests(farm, project) -> None:
    shop = project({name: text for name, text in SHOP.items() if "test" not in name})

    said = farm.run("heal", shop.folder, "--json")

    assert said.status == 5
    assert said.report.cause == "environment"
    assert "no tests" in said.report.reason
    assert "FAILED: " in said.err
    assert said.report.next_step
    assert shop.refs() == ONLY_MAIN


def test_a_test_command_that_is_not_there(farm, project) -> None:
    shop = project(BROKEN)

    said = farm.run("heal", shop.folder, "--test", "run-all-tests --quickly", "--json")

    assert said.status == 5
    assert said.report.cause == "environment"
    assert "run-all-tests" in said.report.reason
    assert shop.refs() == ONLY_MAIN


@pytest.mark.slow
def test_tests_that_hang(terminal, project) -> None:
    mark = uuid.uuid4().hex
    waiting = project(hanging(mark))

    said = terminal.run("heal", waiting.folder, "--json", SELFHEAL_TARGET__SUITE_SECONDS="3")

    assert said.status == 5
    assert said.report.cause == "environment"
    assert "3 s" in said.report.reason
    assert waiting.refs() == ONLY_MAIN
    assert processes_with(mark) == []


def test_an_unknown_branch(farm, project) -> None:
    shop = project(BROKEN)

    request_id = farm.run("submit", shop.folder, "--branch", "nonsense").out.strip()
    said = farm.run("watch", request_id, "--json")

    assert said.status == 5
    assert said.report.cause == "environment"
    assert "nonsense" in said.report.reason
    assert shop.refs() == ONLY_MAIN


def test_no_sandbox_means_that_nothing_of_the_repository_runs(
    terminal, project, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    hostile = project({**BROKEN, "conftest.py": f"open({str(ran)!r}, 'w').close()\n"})
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("env", "git", "sh", "timeout"):
        (programs / name).symlink_to(Path(str(shutil.which(name))))

    said = terminal.run(
        "heal",
        hostile.folder,
        "--json",
        SELFHEAL_SANDBOX__PROVIDER="bubblewrap",
        PATH=str(programs),
    )

    assert said.status == 5, said.err
    assert "bubblewrap" in said.report.reason
    assert not ran.exists()
    assert hostile.refs() == ONLY_MAIN


def test_a_run_folder_that_cannot_be_made(project) -> None:
    shop = project(BROKEN)

    said = Terminal(Path("/proc/selfheal/run")).run("heal", shop.folder)

    assert said.status == 5
    assert "run folder /proc/selfheal/run" in said.complaint
    assert "cannot be created" in said.complaint
    assert shop.refs() == ONLY_MAIN


@pytest.mark.parametrize("command", ["up", "heal", "doctor"])
def test_a_run_folder_that_is_a_file(terminal, project, command: str) -> None:
    shop = project(BROKEN)
    terminal.run_folder.write_text("mine\n")

    said = terminal.run(command, *([shop.folder] if command == "heal" else []))

    assert said.status == 5, said.err
    # The doctor's findings are its answer, not a complaint.
    assert f"run folder {terminal.run_folder}" in (said.out or said.complaint)
    assert "Traceback" not in said.err
    assert terminal.run_folder.read_text() == "mine\n"
    assert shop.refs() == ONLY_MAIN


def test_a_vector_engine_that_is_away_is_a_finding_of_the_doctor(terminal) -> None:
    url = "http://127.0.0.1:9"

    said = terminal.run("doctor", SELFHEAL_INDEX__QDRANT_URL=url)

    assert said.status == 5
    assert f"vector engine Qdrant: {url} does not answer" in said.out
    assert "unset index.qdrant_url" in said.out


def test_a_run_folder_that_is_open_to_others(terminal, project) -> None:
    shop = project(BROKEN)
    terminal.run_folder.mkdir(mode=0o755)
    terminal.run_folder.chmod(0o755)

    said = terminal.run("heal", shop.folder)

    assert said.status == 5
    assert f"is open to other users: chmod 700 {terminal.run_folder}" in said.complaint
    assert list(terminal.run_folder.iterdir()) == []
    assert shop.refs() == ONLY_MAIN


def test_a_second_farm_in_one_run_folder(farm) -> None:
    said = farm.run("up")

    assert said.status == 5
    assert f"run folder {farm.run_folder} is in use by process" in said.complaint
    assert farm.run("status").status == 0


def test_a_database_of_an_older_schema(farm) -> None:
    with schema_at(farm, None):
        checked, current = farm.run("db", "check"), farm.run("db", "current")
        status = farm.run("status")

    assert checked.status == status.status == 5
    assert "older than this code" in checked.complaint
    assert "run `selfheal db upgrade`" in status.complaint
    assert (current.status, current.out) == (
        0,
        f"schema none; this version needs {migrate.head()}\n",
    )


def test_a_database_of_a_newer_schema(farm, project) -> None:
    shop = project(BROKEN)

    with schema_at(farm, "9999_later"):
        said = [farm.run("db", "check"), farm.run("db", "upgrade"), farm.run("heal", shop.folder)]
        current = farm.run("db", "current")

    assert [one.status for one in said] == [5, 5, 5]
    for one in said:
        assert "schema 9999_later, newer than this code's" in one.complaint
        assert "upgrade selfheal" in one.complaint
    assert "schema 9999_later;" in current.out
    assert shop.refs() == ONLY_MAIN
    after = farm.run("db", "check")
    assert after.status == 0, after.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SELFHEAL_FRAM__RUN_FOLDER", "/nowhere"),
        ("SELFHEAL_FARM__RUN_FODLER", "/nowhere"),
        ("SELFHEAL_TARGET__SUITE_SECONDS", "soon"),
    ],
)
def test_a_setting_that_is_wrong(terminal, project, name: str, value: str) -> None:
    shop = project(BROKEN)

    said = terminal.run("heal", shop.folder, **{name: value})

    assert said.status == 2
    section, _, option = name.removeprefix("SELFHEAL_").partition("__")
    assert section.lower() in said.complaint.lower()
    assert "no such section" in said.complaint or option.lower() in said.complaint
    assert not terminal.run_folder.exists()


@pytest.mark.parametrize("command", ["status", "watch", "cancel"])
def test_an_id_that_no_request_has(farm, command: str) -> None:
    said = farm.run(command, NOBODY)

    assert said.status == 2
    assert f"no ChangeRequest {NOBODY}" in said.complaint
    assert "`selfheal status` lists what there is" in said.complaint


def test_no_farm_to_ask(terminal) -> None:
    said = terminal.run("status")

    assert said.status == 5
    assert f"no farm runs in {terminal.run_folder}" in said.complaint
    assert "start `selfheal up`" in said.complaint
    assert not terminal.run_folder.exists()


@pytest.mark.parametrize("command", ["status", "db"])
def test_a_database_that_does_not_answer(terminal, command: str) -> None:
    said = terminal.run(
        command,
        *(["check"] if command == "db" else []),
        SELFHEAL_FARM__DATABASE_URL="postgresql+psycopg://farm:hidden@127.0.0.1:1/farm",
        SELFHEAL_FARM__BROKER_URL="redis://127.0.0.1:1/0",
    )

    assert said.status == 7, said.err
    assert "PostgreSQL does not answer" in said.complaint
    assert "hidden" not in said.err


def test_an_issue_in_a_file_that_is_not_there(terminal, project, tmp_path: Path) -> None:
    shop = project(BROKEN)

    said = terminal.run("heal", shop.folder, "--issue", f"@{tmp_path}/issue.txt")

    assert said.status == 2
    assert f"--issue: cannot read {tmp_path}/issue.txt" in said.complaint
    assert not terminal.run_folder.exists()


def test_options_that_exclude_each_other(terminal, project) -> None:
    shop = project(BROKEN)

    said = terminal.run("repair", shop.folder, "--test", "pytest", "--tests", "tests/test_cart.py")

    assert said.status == 2
    assert "--tests, --test: give one of them" in said.complaint
    assert shop.refs() == ONLY_MAIN
