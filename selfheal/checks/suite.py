"""Runs a target's tests in the sandbox, to the end of the last test that can be run.

A test that ends the process or never ends is noted as an error, and the tests after it are run in
a new process: one bad test must not hide what the others say.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from selfheal.checks.outcomes import covered, covering
from selfheal.checks.pytest_session import PytestSession
from selfheal.checks.session import Bounds, Session
from selfheal.checks.suite_run import SuiteRun
from selfheal.checks.target import Target
from selfheal.errors import TestsUnusable
from selfheal.sandbox.jail import Limits, Sandbox

SUITE_SECONDS = 300.0
TEST_SECONDS = 60.0
"""A test that lasts longer is taken for hanging."""


def never() -> bool:
    """A run that nobody stops."""
    return False


def run_suite(
    target: Target,
    worktree: Path,
    sandbox: Sandbox,
    *,
    tests: tuple[str, ...] = (),
    timeout_seconds: float = SUITE_SECONDS,
    test_seconds: float = TEST_SECONDS,
    stop: Callable[[], bool] = never,
    limits: Limits | None = None,
) -> SuiteRun:
    """Runs the tests named by node id, file, class or function; all when none is named.

    `timeout_seconds` bounds the whole, `test_seconds` one test, `limits` everything but wall time.
    Raises TestsUnusable when the outcome would say nothing: no tests, pytest missing or refusing
    its arguments, no file that can be imported, a run that hits a limit. Raises Cancelled when
    `stop` turns true. Named tests that do not exist are told in the run's notes.
    """
    run = observe_suite(
        target,
        worktree,
        sandbox,
        tests=tests,
        timeout_seconds=timeout_seconds,
        test_seconds=test_seconds,
        stop=stop,
        limits=limits,
    )
    if run.struck is not None:
        raise TestsUnusable(_why_it_was_ended(run))
    return run


def observe_suite(
    target: Target,
    worktree: Path,
    sandbox: Sandbox,
    *,
    tests: tuple[str, ...] = (),
    timeout_seconds: float = SUITE_SECONDS,
    test_seconds: float = TEST_SECONDS,
    stop: Callable[[], bool] = never,
    limits: Limits | None = None,
) -> SuiteRun:
    """As `run_suite`, but a run that a limit has ended is given back with `struck`: that a patch
    makes the tests hang is a finding about it, not an obstacle."""
    session = Session(
        target=target,
        worktree=worktree.resolve(),
        sandbox=sandbox,
        bounds=Bounds(
            deadline=time.monotonic() + timeout_seconds,
            test_seconds=test_seconds,
            stop=stop,
            limits=limits or Limits(),
        ),
    )
    if target.command is not None:
        return _opaque(session, tests)
    return _checked(PytestSession(session).run(tests), session, tests)


def _opaque(session: Session, tests: tuple[str, ...]) -> SuiteRun:
    run = session.run_command()
    note = "the test command is not pytest, so single tests cannot be chosen: all were run"
    return replace(run, notes=(*run.notes, note)) if tests else run


def _checked(run: SuiteRun, session: Session, tests: tuple[str, ...]) -> SuiteRun:
    """The run with notes on what is missing; raises TestsUnusable when it says nothing."""
    missing = _missing_modules(run, session)
    if missing and not run.collected and all(run.failures[test].missing for test in run.failing):
        raise TestsUnusable(
            f"no test file of {session.worktree.name} can be imported with"
            f" {session.target.python}: it has no {', '.join(missing)}. Pass --python with the"
            " interpreter of an environment in which the repository's dependencies are installed"
        )
    if not (run.outcomes or tests or run.struck):
        raise TestsUnusable(
            f"`{run.command}` found no tests in {session.worktree.name}: pass --test with the"
            f' command that runs them, or set `test = "..."` in its [tool.selfheal]\n{run.output}'
        )
    notes = list(run.notes)
    if missing:
        notes.append(
            f"{session.target.python} has no {', '.join(missing)}, so test files that need it"
            " count as failing before and after"
        )
    if unknown := _unknown(run, tests):
        notes.append(f"no such test: {', '.join(unknown)}")
    return replace(run, notes=tuple(notes))


def _missing_modules(run: SuiteRun, session: Session) -> tuple[str, ...]:
    """Top-level modules that tests import and neither environment nor repository has."""
    names = {failure.missing.partition(".")[0] for failure in run.failures.values()} - {""}
    return tuple(sorted(name for name in names if not session.owns_module(name)))


def _unknown(run: SuiteRun, tests: tuple[str, ...]) -> tuple[str, ...]:
    known = {name for test in run.outcomes for name in covering(test)}
    return tuple(test for test in tests if test not in known and not covered(test, by=run.outcomes))


def _why_it_was_ended(run: SuiteRun) -> str:
    at = f"while {run.running} ran" if run.running else "between two tests"
    if run.struck == "wall":
        return (
            f"the tests were not done after {run.seconds:.0f} s, {at}: `{run.command}`. Allow more"
            " time, or name a faster test command with --test"
        )
    return f"the tests passed the limit on {run.struck} {at}: `{run.command}`"
