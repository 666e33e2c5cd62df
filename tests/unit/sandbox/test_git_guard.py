from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from selfheal.errors import PatchRefused
from selfheal.sandbox.git_guard import GitGuard


def _add_hook(git: Path) -> None:
    (git / "hooks/post-commit").write_text("#!/bin/sh\n")


def _edit_config(git: Path) -> None:
    (git / "config").write_text("[core]\n\tfsmonitor = evil\n")


def _move_head(git: Path) -> None:
    (git / "HEAD").write_text("ref: refs/heads/other\n")


def _redirect(git: Path) -> None:
    (git / "commondir").write_text("/elsewhere\n")


def _replace_hooks_by_a_link(git: Path) -> None:
    (git / "hooks").rmdir()
    (git / "hooks").symlink_to("/tmp")


@pytest.mark.parametrize(
    "change", [_add_hook, _edit_config, _move_head, _redirect, _replace_hooks_by_a_link]
)
def test_a_change_that_git_would_obey_is_noticed(
    change: Callable[[Path], None], tmp_path: Path
) -> None:
    git = tmp_path / ".git"
    (git / "hooks").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    guard = GitGuard(tmp_path)

    change(git)

    with pytest.raises(PatchRefused):
        guard.check()


def test_a_git_file_that_becomes_a_folder_is_noticed(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: x\n")
    guard = GitGuard(tmp_path)

    (tmp_path / ".git").unlink()
    (tmp_path / ".git").mkdir()

    with pytest.raises(PatchRefused):
        guard.check()


def test_work_beside_git_is_of_no_account(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: x\n")
    guard = GitGuard(tmp_path)

    (tmp_path / "code.py").write_text("x = 1\n")

    guard.check()


def test_a_folder_without_git_has_nothing_to_guard(tmp_path: Path) -> None:
    guard = GitGuard(tmp_path)

    (tmp_path / ".git").mkdir()

    guard.check()
