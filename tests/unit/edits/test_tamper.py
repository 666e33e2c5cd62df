from __future__ import annotations

import pytest

from selfheal.edits.tamper import classify_path, classify_paths, is_test_path


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("source", "app.py src/pkg/contest.py latest/api.py testing.py data.json lib/lock.py"),
        (
            "test",
            "tests/test_app.py test/x.py tests/data/x.json a/test_b.py b_test.py t/tests.py",
        ),
        ("test_config", "conftest.py tests/conftest.py pytest.ini tox.ini noxfile.py .coveragerc"),
        ("ci", ".github/workflows/ci.yml .gitlab-ci.yml Jenkinsfile .circleci/config.yml .ci/run"),
        ("hook", ".pre-commit-config.yaml .husky/pre-push src/sitecustomize.py evil.pth"),
        ("packaging", "pyproject.toml setup.cfg requirements/dev.txt Dockerfile compose.yaml"),
        ("lock", "uv.lock poetry.lock web/package-lock.json go.sum pylock.toml"),
        ("licence", "LICENSE COPYING.txt pkg/NOTICE LICENCE.md"),
        ("docs", "docs/index.html README.md CHANGELOG a.rst"),
    ],
)
def test_a_path_is_classed_by_its_name(name: str, paths: str) -> None:
    for path in paths.split():
        assert classify_path(path) == name, path
        assert classify_path(path.upper()) == name, path


def test_paths_are_grouped_by_class() -> None:
    assert classify_paths(["a.py", "tests/test_a.py", "b.py"]) == {
        "source": ("a.py", "b.py"),
        "test": ("tests/test_a.py",),
    }


def test_what_steers_tests_from_among_them_counts_as_a_test() -> None:
    assert is_test_path("tests/test_app.py")
    assert is_test_path("pkg/conftest.py")
    assert not is_test_path("pytest.ini")
    assert not is_test_path("app.py")
