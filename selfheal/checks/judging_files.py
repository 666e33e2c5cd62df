"""Which files decide what the tests say, and which say how tools judge."""

from __future__ import annotations

from pathlib import PurePosixPath

_TEST_FOLDERS = frozenset({"test", "tests"})

_CONFIGURATION = frozenset(
    {
        *(".coveragerc", ".flake8", ".pylintrc", ".pytest.ini", ".ruff.toml", ".selfheal.toml"),
        *("mypy.ini", "noxfile.py", "pyproject.toml", "pytest.ini", "pytest.toml", "ruff.toml"),
        *("setup.cfg", "sitecustomize.py", "tox.ini", "usercustomize.py"),
    }
)


def is_test_file(path: str) -> bool:
    """Whether a file belongs to the tests, helpers and data of theirs included."""
    file = PurePosixPath(path)
    by_name = file.name == "conftest.py" or (
        file.suffix == ".py" and (file.name.startswith("test_") or file.stem.endswith("_test"))
    )
    return by_name or not _TEST_FOLDERS.isdisjoint(file.parts[:-1])


def is_check_configuration(path: str) -> bool:
    """Whether a file configures the test runner, the formatter or the linter."""
    return PurePosixPath(path).name in _CONFIGURATION
