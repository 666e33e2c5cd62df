"""Where one attempt works at a CodingTask: its worktree, and what is known about its base."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from selfheal.checks.baseline import Baseline
from selfheal.checks.target import Target
from selfheal.contracts.change_request import ChangeRequest
from selfheal.flows import evidence
from selfheal.flows.attempting import Running
from selfheal.store.rounds import TaskRow
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.worktree import Worktree


class Site:
    """The tree of one attempt, at the task's `base` whenever nobody is at work in it."""

    def __init__(
        self,
        running: Running,
        row: TaskRow,
        request: ChangeRequest,
        *,
        mirror: Mirror,
        tree: Worktree,
        base: str,
    ) -> None:
        self.running = running
        self.row = row
        self.request = request
        self.mirror = mirror
        self.tree = tree
        self.base = base

    @cached_property
    def target(self) -> Target:
        """How the repository's tests are run."""
        self.reset()
        return evidence.target_of(self.running, self.request, self.tree.folder)

    @cached_property
    def baseline(self) -> Baseline:
        """At the bundle's base (CA-7), whatever this task starts from."""
        sha = self.row.task.base_commit_sha
        found = evidence.baseline_at(
            self.running, self.request, self.tree, sha=sha, target=self.target
        )
        self.reset()
        return found

    def reset(self) -> None:
        """A clean tree at the task's base."""
        self.tree.reset(self.base)

    def reset_untouched(self) -> None:
        """The same after code of the repository ran; raises GitFailed if it touched git's data."""
        self.tree.verify_untouched()
        self.reset()

    def texts(self, paths: Iterable[str]) -> dict[str, str | None]:
        """The files as they are in the tree, with their line ends; None where there is none."""
        return {path: _read(self.tree.folder / path) for path in paths}

    def restored(self, texts: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...] | None:
        """New texts of files with the secrets that were taken out of them, from the files at base.

        None where a placeholder stands for nothing in its file.
        """
        redactor, found = self.running.farm.redactor, []
        for path, text in texts:
            whole = redactor.restore(text, of=[self.texts([path])[path] or ""])
            if whole is None:
                return None
            found.append((path, whole))
        return tuple(found)


def _read(file: Path) -> str | None:
    if file.is_symlink() or not file.is_file():
        return None
    return file.read_bytes().decode("utf-8", "surrogateescape")
