"""What the tests say at a base commit, measured once for the whole farm (CA-7)."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, Self

from selfheal.checks.outcomes import FAILING, PASSING, Failure, Outcomes, failing
from selfheal.checks.suite import SUITE_SECONDS, TEST_SECONDS, never, observe_suite, run_suite
from selfheal.checks.suite_run import SuiteRun
from selfheal.checks.target import Target
from selfheal.contracts.run_report import SuiteEvidence
from selfheal.sandbox.jail import Limits, Sandbox

# Part of the key: a document of another shape is measured anew, not misread.
_FORMAT = 1

# Tracebacks are for people and prompts; thousands of them would only swell the row.
_DETAILED_FAILURES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Outcomes at a commit. `flaky` tests changed theirs in a rerun without a change; they are in
    `outcomes` as they were first seen. `fast` are the tests marked so. `seconds` is one run."""

    sha: str
    outcomes: Outcomes
    failures: Mapping[str, Failure] = field(default_factory=dict)
    flaky: tuple[str, ...] = ()
    fast: tuple[str, ...] = ()
    seconds: float = 0.0
    command: str = ""
    notes: tuple[str, ...] = ()

    @property
    def untested(self) -> bool:
        """Whether there are no tests; they are asked for wherever a patch is not mechanical."""
        return not self.outcomes

    @property
    def failing(self) -> tuple[str, ...]:
        """The tests that fail at base, time after time, sorted."""
        return tuple(test for test in failing(self.outcomes) if test not in set(self.flaky))

    @property
    def passing(self) -> tuple[str, ...]:
        """The tests that pass at base, time after time, sorted."""
        quiet = set(self.flaky)
        passed = (test for test, outcome in self.outcomes.items() if outcome in PASSING)
        return tuple(sorted(test for test in passed if test not in quiet))

    @property
    def evidence(self) -> SuiteEvidence:
        """This baseline as the evidence of a report."""
        run = SuiteRun(outcomes=self.outcomes, seconds=self.seconds, command=self.command)
        return run.evidence(self.sha)

    def to_json(self) -> str:
        """One line that `from_json` reads back to an equal value."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The baseline in `text`, which `to_json` wrote."""
        said: dict[str, Any] = json.loads(text)
        for name in ("flaky", "fast", "notes"):
            said[name] = tuple(said[name])
        said["failures"] = {test: Failure(**failure) for test, failure in said["failures"].items()}
        return cls(**said)


class BaselineShelf(Protocol):
    """Where measured baselines lie for the whole farm, as JSON.

    `put` gives what lies there afterwards: of several who measured the same, the first one counts.
    """

    def get(self, key: str) -> str | None: ...
    def put(self, key: str, document: str, *, repo: str, sha: str) -> str: ...


def baseline_key(repo: str, sha: str, target: Target) -> str:
    """The key of one repository at one commit in one environment, equal on every host."""
    text = json.dumps((_FORMAT, repo, sha, target.digest))
    return hashlib.sha256(text.encode()).hexdigest()


def shelved_baseline(
    shelf: BaselineShelf, measure: Callable[[], Baseline], *, repo: str, sha: str, target: Target
) -> Baseline:
    """The baseline from the shelf; measured and put there when it has none."""
    key = baseline_key(repo, sha, target)
    text = shelf.get(key)
    if text is None:
        text = shelf.put(key, measure().to_json(), repo=repo, sha=sha)
    return Baseline.from_json(text)


def measure_baseline(
    target: Target,
    worktree: Path,
    sandbox: Sandbox,
    *,
    sha: str,
    timeout_seconds: float = SUITE_SECONDS,
    test_seconds: float = TEST_SECONDS,
    stop: Callable[[], bool] = never,
    limits: Limits | None = None,
) -> Baseline:
    """Runs the suite, and what failed once more, to tell failing from flaky.

    `timeout_seconds` bounds both together. Raises what `run_suite` raises.
    """
    deadline = time.monotonic() + timeout_seconds
    run = run_suite(
        target,
        worktree,
        sandbox,
        timeout_seconds=timeout_seconds,
        test_seconds=test_seconds,
        stop=stop,
        limits=limits,
    )
    baseline = _baseline(run, sha)
    if not run.failing:
        return baseline
    again = observe_suite(
        target,
        worktree,
        sandbox,
        tests=() if target.command else run.failing,
        timeout_seconds=max(deadline - time.monotonic(), 1.0),
        test_seconds=test_seconds,
        stop=stop,
        limits=limits,
    )
    return replace(baseline, flaky=flipped(run.outcomes, again.outcomes))


def flipped(first: Outcomes, again: Outcomes) -> tuple[str, ...]:
    """Tests that failed first and passed when run again, sorted."""
    return tuple(
        sorted(
            test
            for test, outcome in first.items()
            if outcome in FAILING and again.get(test) in PASSING
        )
    )


def _baseline(run: SuiteRun, sha: str) -> Baseline:
    failures = dict(run.failures)
    for test in sorted(failures)[_DETAILED_FAILURES:]:
        failures[test] = replace(failures[test], detail="")
    return Baseline(
        sha=sha,
        outcomes=dict(run.outcomes),
        failures=failures,
        fast=run.fast,
        seconds=round(run.seconds, 3),
        command=run.command,
        notes=run.notes,
    )
