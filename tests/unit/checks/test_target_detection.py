"""How a repository says, or shows, how it is run. Interpreters are real, nothing is run in them
but the question where their installation is."""

from __future__ import annotations

import sys
import venv
from pathlib import Path

import pytest

from selfheal.checks.target import Target, detect_target
from selfheal.errors import EnvironmentUnusable, InvalidSettings, TestsUnusable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "clean"
    folder.mkdir()
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The user's folder, with a virtual environment that seems to have pytest."""
    folder = tmp_path / "checkout"
    make_environment(folder / ".venv")
    return folder


def make_environment(folder: Path) -> None:
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python3.*/site-packages")
    (site / "pytest").mkdir()
    (site / "pytest-9.0.0.dist-info").mkdir()


def test_without_a_word_it_is_pytest_in_the_interpreter_of_the_farm(root: Path):
    target = detect_target(root)

    assert target.python == Path(sys.executable)
    assert (target.pytest_args, target.command) == ((), None)
    assert str(target.formatter) == "black"
    assert str(target.linter) == "ruff check"
    assert "python -m pytest" in target.describe()


def test_the_environment_is_steady_and_nothing_of_ours(root: Path):
    environment = detect_target(root).environment_in(root)

    assert environment["PYTHONHASHSEED"] == "0"
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert environment["PATH"].startswith(str(Path(sys.executable).parent))
    assert "CI" not in environment and "HOME" not in environment


def test_the_repository_says_its_commands_in_pyproject(root: Path):
    (root / "pyproject.toml").write_text(
        '[tool.selfheal]\ntest = "pytest tests -k quick"\nformat = ""\nlint = "flake9"\n'
    )

    target = detect_target(root)

    assert (target.options, target.test_paths) == (("-k", "quick"), ("tests",))
    assert target.formatter is None and target.linter is None
    assert target.notes == (
        "the repository's settings switch the formatter off",
        "the linter flake9 is installed neither in the repository's environment nor in the"
        " farm's, so it was not run",
    )


def test_its_own_file_wins_over_pyproject_and_a_wish_over_both(root: Path):
    (root / "pyproject.toml").write_text('[tool.selfheal]\ntest = "pytest one"\n')
    (root / ".selfheal.toml").write_text('test = "pytest two"\n')

    assert detect_target(root).test_paths == ("two",)
    assert detect_target(root, test_command="pytest three").test_paths == ("three",)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('tests = "pytest"\n', "no such key 'tests'; keys are test, format, lint, build, python"),
        ("test = 3\n", "test must be a string"),
        ("test = \n", "cannot be read"),
    ],
)
def test_settings_that_mean_nothing_are_refused(root: Path, text: str, found: str):
    (root / ".selfheal.toml").write_text(text)

    with pytest.raises(InvalidSettings, match=found):
        detect_target(root)


def test_a_formatter_of_ruff_is_used_where_the_repository_has_chosen_ruff(root: Path):
    (root / "pyproject.toml").write_text("[tool.ruff]\nline-length = 90\n")

    assert str(detect_target(root).formatter) == "ruff format"


def test_the_environment_of_the_users_folder_is_taken(root: Path, checkout: Path):
    target = detect_target(root, checkout=checkout)

    assert target.python == checkout / ".venv" / "bin" / "python"
    assert any(target.python.is_relative_to(path) for path in target.readable)


def test_an_environment_without_pytest_is_passed_over(root: Path, checkout: Path):
    (site,) = (checkout / ".venv").glob("lib/python3.*/site-packages")
    (site / "pytest").rmdir()

    assert detect_target(root, checkout=checkout).python == Path(sys.executable)


def test_a_committed_environment_is_never_started(root: Path, checkout: Path):
    make_environment(root / ".venv")
    (root / ".selfheal.toml").write_text('python = ".venv/bin/python"\n')

    with pytest.raises(TestsUnusable, match=r"pass --python \.venv/bin/python to allow that"):
        detect_target(root, checkout=checkout)

    (root / ".selfheal.toml").unlink()
    assert detect_target(root, checkout=checkout).python == Path(sys.executable)


@pytest.mark.parametrize("named", ["../elsewhere/bin/python", "/opt/python/bin/python"])
def test_a_repository_may_not_name_an_interpreter_elsewhere(root: Path, checkout: Path, named: str):
    (root / ".selfheal.toml").write_text(f'python = "{named}"\n')

    with pytest.raises(TestsUnusable, match="the repository wants its tests run by"):
        detect_target(root, checkout=checkout)


def test_an_interpreter_that_is_not_there_is_refused(root: Path, tmp_path: Path):
    with pytest.raises(EnvironmentUnusable, match="found none: pass --python"):
        detect_target(root, python=tmp_path / "python")


def test_what_is_no_interpreter_is_not_asked_for_its_folders(root: Path, tmp_path: Path):
    (tmp_path / "python").symlink_to("/bin/sh")

    with pytest.raises(EnvironmentUnusable, match="expected a Python interpreter"):
        detect_target(root, python=tmp_path / "python")


def test_a_program_that_is_missing_is_named(root: Path):
    with pytest.raises(TestsUnusable, match="needs the program no-such-runner"):
        detect_target(root, test_command="no-such-runner --all")


def test_python_in_an_opaque_command_is_the_target_s(root: Path):
    target = detect_target(root, test_command="python manage.py test")

    assert target.command == (sys.executable, "manage.py", "test")


def test_source_folders_are_on_the_import_path(root: Path):
    (root / "pyproject.toml").write_text(
        '[tool.setuptools.packages.find]\nwhere = ["lib"]\n[tool.setuptools]\nzip-safe = true\n'
    )
    for folder in ("src/one", "lib/two", "docs"):
        (root / folder).mkdir(parents=True)
        (root / folder / "__init__.py").touch()

    environment = detect_target(root).environment_in(root)

    assert environment["PYTHONPATH"] == f"{root}/src:{root}/lib"


def test_a_source_folder_that_is_a_package_itself_is_not(root: Path):
    (root / "src").mkdir()
    (root / "src" / "__init__.py").touch()

    assert "PYTHONPATH" not in detect_target(root).environment_in(root)


@pytest.mark.parametrize("text", ["tool = 3\n", "[tool]\nsetuptools = 1\npoetry = []\nruff = 2\n"])
def test_a_strange_pyproject_is_no_obstacle(root: Path, text: str):
    (root / "pyproject.toml").write_text(text)

    assert detect_target(root).command is None


def test_the_digest_changes_with_what_can_change_an_outcome(root: Path, checkout: Path):
    def digest(target: Target) -> str:
        return target.digest

    plain = digest(detect_target(root))

    assert plain == digest(detect_target(root))
    assert plain != digest(detect_target(root, test_command="pytest tests"))
    assert plain != digest(detect_target(root, test_command="A=1 pytest"))
    assert plain != digest(detect_target(root, checkout=checkout))
