"""What a project's build would have left in the work tree, derived from its declarations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from selfheal.checks.development_install import FOLDER, declared_project, prepare
from selfheal.checks.target import detect_target


def _write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "name", "version"),
    [
        ({"pyproject.toml": '[project]\nname = "A.b"\nversion = "1.2"\n'}, "A.b", "1.2"),
        ({"pyproject.toml": '[project]\nname = "a"\ndynamic = ["version"]\n'}, "a", "0.0.0"),
        ({"pyproject.toml": '[tool.poetry]\nname = "a"\nversion = "3"\n'}, "a", "3"),
        ({"setup.cfg": "[metadata]\nname = a\nversion = attr: a.v\n"}, "a", "0.0.0"),
        ({"setup.py": "setup(\n    name='a-b',\n)\n"}, "a-b", "0.0.0"),
        (
            {"setup.py": "x", "PKG-INFO": "Metadata-Version: 2.1\nName: a\nVersion: 2.0\n\nText\n"},
            "a",
            "2.0",
        ),
    ],
)
def test_a_project_is_known_by_its_declaration(
    tmp_path: Path, files: dict[str, str], name: str, version: str
) -> None:
    project = declared_project(_write(tmp_path, files))

    assert project is not None
    assert (project.name, project.version) == (name, version)


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": ""},
        {"pyproject.toml": "[project]\nname = 3\n"},
        {"pyproject.toml": "not toml ["},
        {"pyproject.toml": '[project]\nname = "../../etc"\n'},
        {"setup.cfg": "[metadata\n"},
    ],
)
def test_what_declares_no_name_is_left_alone(tmp_path: Path, files: dict[str, str]) -> None:
    root = _write(tmp_path, files)

    prepare(root)

    assert not (root / FOLDER).exists()


def test_a_package_that_asks_for_its_version_can_be_imported(tmp_path: Path) -> None:
    root = _write(
        tmp_path,
        {
            "pyproject.toml": (
                '[project]\nname = "my-shop"\ndynamic = ["version"]\n'
                '[project.entry-points."shop.plugins"]\ntax = "shop:tax"\n'
                '[tool.setuptools_scm]\nversion_file = "src/shop/_version.py"\n'
            ),
            "src/shop/__init__.py": (
                "from importlib.metadata import entry_points, version\n"
                "from shop._version import version as built\n"
                "plugin = entry_points(group='shop.plugins')['tax'].value\n"
                "said = (version('my_shop'), built, plugin)\n"
            ),
        },
    )

    prepare(root)

    environment = detect_target(root).environment_in(root)
    answer = subprocess.run(
        [sys.executable, "-c", "import shop; print(*shop.said)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == ["0.0.0", "0.0.0", "shop:tax"]


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    declared = '[project]\nname = "a"\n[tool.setuptools_scm]\nwrite_to = "a/version.py"\n'
    root = _write(tmp_path, {"pyproject.toml": declared, "a/version.py": "mine = 1\n"})

    prepare(root)

    assert (root / "a/version.py").read_text() == "mine = 1\n"


@pytest.mark.parametrize("path", ["../stolen.py", "link/stolen.py", "a/stolen.txt"])
def test_nothing_is_written_outside_of_the_tree(tmp_path: Path, path: str) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    declared = f'[project]\nname = "a"\n[tool.setuptools_scm]\nwrite_to = "{path}"\n'
    _write(root, {"pyproject.toml": declared, "a/__init__.py": ""})
    (root / "link").symlink_to(outside)

    prepare(root)

    assert list(outside.iterdir()) == []
    assert not (tmp_path / "stolen.py").exists()
    assert not (root / "a/stolen.txt").exists()


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    _write(root, {"pyproject.toml": '[project]\nname = "a"\n'})
    (root / FOLDER).symlink_to(outside)

    prepare(root)

    assert list(outside.iterdir()) == []
