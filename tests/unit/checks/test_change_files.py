"""Files of a patch, and what a linter says about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfheal.checks.change import Change
from selfheal.checks.judging_files import is_check_configuration, is_test_file
from selfheal.checks.linting import new_findings, read_findings
from selfheal.errors import PatchRefused


def change_of(root: Path, base: dict[str, bytes], *paths: str) -> Change:
    return Change(worktree=root, paths=paths, base_file=base.get)


def test_files_are_at_base_for_a_while_and_then_as_before(tmp_path: Path):
    (tmp_path / "changed.sh").write_text("new")
    (tmp_path / "changed.sh").chmod(0o755)
    (tmp_path / "added.py").write_text("added")
    change = change_of(tmp_path, {"changed.sh": b"old", "gone/deep.py": b"deleted"})

    with change.at_base("changed.sh", "added.py", "gone/deep.py"):
        assert (tmp_path / "changed.sh").read_text() == "old"
        assert not (tmp_path / "added.py").exists()
        assert (tmp_path / "gone" / "deep.py").read_text() == "deleted"

    assert (tmp_path / "changed.sh").read_text() == "new"
    assert (tmp_path / "changed.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "added.py").read_text() == "added"
    assert not (tmp_path / "gone" / "deep.py").exists()


def test_an_error_meanwhile_changes_nothing_of_that(tmp_path: Path):
    (tmp_path / "a.py").write_text("new")

    with (
        pytest.raises(ZeroDivisionError),
        change_of(tmp_path, {"a.py": b"old"}).at_base("a.py"),
    ):
        raise ZeroDivisionError

    assert (tmp_path / "a.py").read_text() == "new"


def test_no_link_leads_out_of_the_work_tree(tmp_path: Path):
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (outside / "file").write_text("precious")
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "file")
    change = change_of(root, {"folder/file": b"x", "file": b"x", "../outside/file": b"x"})

    for path in ("folder/file", "file", "../outside/file"):
        with pytest.raises(PatchRefused), change.at_base(path):
            pass

    assert (outside / "file").read_text() == "precious"


def test_a_link_that_appears_meanwhile_is_not_followed(tmp_path: Path):
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.write_text("precious")
    root.mkdir()
    (root / "a.py").write_text("new")

    with (
        pytest.raises(PatchRefused),
        change_of(root, {"a.py": b"old"}).at_base("a.py"),
    ):
        (root / "a.py").unlink()
        (root / "a.py").symlink_to(outside)

    assert outside.read_text() == "precious"


def test_the_paths_of_a_patch_are_told_apart(tmp_path: Path):
    paths = ("app/x.py", "tests/data/y.json", "conftest.py", "tox.ini", "gone.py", "README.md")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "x.py").touch()
    change = change_of(tmp_path, {}, *paths)

    assert change.python == ("app/x.py",)
    assert change.tests == ("tests/data/y.json", "conftest.py")
    assert change.configuration == ("tox.ini",)
    assert change.sources == ("app/x.py", "gone.py", "README.md")


@pytest.mark.parametrize(
    "path", ["test_a.py", "a/b_test.py", "tests/helper.py", "x/test/data.txt", "a/conftest.py"]
)
def test_files_that_decide_what_tests_say(path: str):
    assert is_test_file(path)


@pytest.mark.parametrize("path", ["app.py", "contest.py", "attest/a.py", "testing.md", "latest.py"])
def test_files_that_do_not(path: str):
    assert not is_test_file(path)
    assert not is_check_configuration(path)


def test_findings_are_the_same_wherever_they_stand():
    old = read_findings("a.py:1:8: F401 [*] `os` imported but unused\na.py:3:1: E741 Ambiguous\n")
    now = read_findings(
        "a.py:4:8: F401 [*] `os` imported but unused\n"
        "a.py:9:8: F401 [*] `os` imported but unused\n"
        "a.py:11: error: Name redefined from line 3\n"
        "Found 3 errors.\n"
    )

    assert new_findings(old, now) == (
        "a.py:9:8: F401 [*] `os` imported but unused",
        "a.py:11: error: Name redefined from line 3",
    )
    assert new_findings(now, now) == ()
