"""Test commands as people type them."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfheal.checks.command import read_command
from selfheal.errors import TestsUnusable


@pytest.mark.parametrize(
    ("text", "options", "paths"),
    [
        ("pytest", (), ()),
        ("py.test tests -x", ("-x",), ("tests",)),
        ("python -m pytest -k 'a and b' tests/unit", ("-k", "a and b"), ("tests/unit",)),
        ("python3.12 -m pytest -m fast", ("-m", "fast"), ()),
        ("uv run pytest -q", ("-q",), ()),
        ("uv run --frozen pytest tests", (), ("tests",)),
        ("poetry run python -m pytest", (), ()),
        ("coverage run --branch -m pytest tests", (), ("tests",)),
        ("pytest --tb=short a.py::test_b", ("--tb=short",), ("a.py::test_b",)),
        ("pytest -c sub/pytest.ini sub", ("-c", "sub/pytest.ini"), ("sub",)),
    ],
)
def test_pytest_is_known_however_it_is_started(
    tmp_path: Path, text: str, options: tuple[str, ...], paths: tuple[str, ...]
):
    command = read_command(text, tmp_path)

    assert (command.options, command.paths, command.opaque) == (options, paths, None)


@pytest.mark.parametrize("text", ["tox -e py311", "make test", "python manage.py test", "nox"])
def test_what_is_not_pytest_is_run_as_it_is(tmp_path: Path, text: str):
    assert read_command(text, tmp_path).opaque == tuple(text.split())


def test_variables_before_a_command_become_its_environment(tmp_path: Path):
    command = read_command("A=1 B='x y' pytest", tmp_path)

    assert command.environment == (("A", "1"), ("B", "x y"))


def test_an_interpreter_named_by_its_path_is_kept(tmp_path: Path):
    assert read_command(".venv/bin/python -m pytest", tmp_path).python == ".venv/bin/python"
    assert read_command("python -m pytest", tmp_path).python is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "expected a test command"),
        ("A=1", "expected a test command"),
        ("pytest 'x", "cannot be read"),
        ("cd sub && pytest", "needs a shell for '&&'"),
        ("pytest | tee log", "needs a shell"),
    ],
)
def test_what_needs_a_shell_is_refused(tmp_path: Path, text: str, found: str):
    with pytest.raises(TestsUnusable, match=found):
        read_command(text, tmp_path)


def files(root: Path, *names: str, text: str = "") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_unittest_discovery_becomes_pytest_with_its_pattern(tmp_path: Path):
    files(tmp_path, "checks/test_a.py", "checks/deep/__init__.py", "checks/deep/test_b.py")

    command = read_command("python -m unittest discover -s checks -v", tmp_path)

    assert command.opaque is None
    assert command.paths == ("checks",)
    assert command.import_paths == ("checks",)
    assert "python_files=test*.py" in command.options


def test_unittest_names_become_node_ids(tmp_path: Path):
    files(tmp_path, "tests/__init__.py", "tests/test_a.py")

    command = read_command("python -m unittest tests.test_a.Case.test_x tests.test_a", tmp_path)

    assert command.paths == ("tests/test_a.py::Case::test_x", "tests/test_a.py")


@pytest.mark.parametrize(
    "text",
    [
        "python -m unittest -k part",
        "python -m unittest discover -s nowhere",
        "python -m unittest no.such.module",
        "python -W error -m unittest",
    ],
)
def test_unittest_in_a_way_that_pytest_cannot_follow_is_opaque(tmp_path: Path, text: str):
    assert read_command(text, tmp_path).opaque is not None


def test_unittest_enters_packages_only_so_other_layouts_are_opaque(tmp_path: Path):
    files(tmp_path, "test_a.py", "loose/test_b.py")

    assert read_command("python -m unittest", tmp_path).opaque is not None


def test_a_module_that_loads_its_tests_itself_is_opaque(tmp_path: Path):
    files(tmp_path, "test_a.py", text="def load_tests(loader, tests, pattern): return tests\n")

    assert read_command("python -m unittest", tmp_path).opaque is not None
