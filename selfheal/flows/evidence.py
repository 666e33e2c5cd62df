"""What the tests of a request's repository say at a commit: measured once for the whole farm."""

from __future__ import annotations

from pathlib import Path

from selfheal.checks.baseline import Baseline, measure_baseline, shelved_baseline
from selfheal.checks.target import Target, detect_target
from selfheal.codegraph.tests_impact import is_test_file
from selfheal.contracts.change_request import ChangeRequest
from selfheal.errors import TestsUnusable
from selfheal.flows.attempting import Running
from selfheal.store.baselines import BaselineRows
from selfheal.workspace.worktree import Worktree


def target_of(running: Running, request: ChangeRequest, root: Path) -> Target:
    """How the repository in `root` is run; the request's own wishes win over the settings'."""
    chosen = request.context.get("python") or running.farm.settings.target.python
    command = request.context.get("test_command")
    checkout = request.context.get("checkout")
    return detect_target(
        root,
        python=Path(str(chosen)) if chosen else None,
        test_command=str(command) if command else None,
        checkout=Path(str(checkout)) if checkout else None,
    )


def baseline_at(
    running: Running, request: ChangeRequest, tree: Worktree, *, sha: str, target: Target
) -> Baseline:
    """The suite's outcomes at `sha`, from the farm's shelf or measured now in `tree`.

    Raises TestsUnusable when the tests say nothing at this commit. What is planned already wants
    no test to pass, so for that a repository without any has a baseline without outcomes.
    """
    farm = running.farm

    def measure() -> Baseline:
        tree.reset(sha)
        measured = measure_baseline(
            target,
            tree.folder,
            farm.sandbox,
            sha=sha,
            timeout_seconds=farm.settings.target.suite_seconds,
            stop=running.stopping,
            limits=farm.limits,
        )
        tree.reset(sha)
        return measured

    shelf = BaselineRows(farm.database)
    try:
        return shelved_baseline(shelf, measure, repo=request.repo, sha=sha, target=target)
    except TestsUnusable:
        if not request.is_planned or _has_tests(tree, sha, target):
            raise
        return Baseline(sha=sha, outcomes={})


def _has_tests(tree: Worktree, sha: str, target: Target) -> bool:
    """Whether somebody would expect the tests to run: then it is no answer that they do not."""
    if target.command is not None:
        return True
    listing = tree.git.run("ls-tree", "-r", "-z", "--name-only", sha).records
    return any(map(is_test_file, listing))


def wanted_tests(request: ChangeRequest, baseline: Baseline) -> tuple[str, ...]:
    """The tests that fail at base and are to pass; raises TestsUnusable for a test that is not.

    None for a recipe: it is done when the code is as it says.
    """
    if request.recipe is not None:
        return ()
    failing = set(baseline.failing)
    if not request.failing_tests:
        return tuple(sorted(failing))
    known = set(baseline.outcomes)
    missing = [test for test in request.failing_tests if not _selects(test, known)]
    if missing:
        raise TestsUnusable(
            f"there is no test {missing[0]} at {baseline.sha[:10]}: "
            "name tests as pytest does, path::name"
        )
    return tuple(
        sorted(
            name
            for name in failing
            if any(_selects(test, {name}) for test in request.failing_tests)
        )
    )


def _selects(asked: str, names: set[str]) -> bool:
    """Whether asking pytest for `asked` runs one of `names`: itself, or what is below it."""
    return any(name == asked or name.startswith((f"{asked}::", f"{asked}[")) for name in names)
