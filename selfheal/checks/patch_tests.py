"""The tests of a patch, stage by stage, judged against the baseline."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from selfheal.checks.baseline import Baseline, flipped
from selfheal.checks.change import Change
from selfheal.checks.outcomes import FAILING, PASSING, Outcome, covered
from selfheal.checks.suite import observe_suite
from selfheal.checks.suite_run import SuiteRun
from selfheal.checks.target import Target
from selfheal.checks.verdict import Judgement, judge
from selfheal.errors import TestsUnusable
from selfheal.sandbox.jail import Limits, Sandbox

Stage = Literal["format", "lint", "targets", "impacted", "suite", "guards"]

# Starting pytest and importing a project costs about a second. In a suite that is over within a
# few of those, running a part of it first saves nothing.
_SHORT_SUITE_SECONDS = 5.0

# So many new failures are no coincidence; fewer are run again before the patch is blamed.
_RERUN_AT_MOST = 20

_SHOWN_FAILURES = 3


class Refusal(Exception):
    """Ends a self-check at its first new failure; it never leaves this package."""

    def __init__(self, stage: Stage, reason: str, judgement: Judgement) -> None:
        super().__init__(reason)
        self.stage, self.reason, self.judgement = stage, reason, judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where and how long a patch is checked; `seconds` by stage grow while it is."""

    target: Target
    sandbox: Sandbox
    timeout_seconds: float
    test_seconds: float
    stop: Callable[[], bool]
    limits: Limits | None
    seconds: dict[Stage, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: Stage) -> Iterator[None]:
        """Adds what happens within to the seconds of a stage."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - began


class PatchTests:
    """Runs the tests of one patch; what speaks against it is raised as Refusal."""

    def __init__(
        self, change: Change, bench: Bench, *, baseline: Baseline, targets: tuple[str, ...]
    ) -> None:
        self._change = change
        self._bench = bench
        self._baseline = baseline
        self._targets = targets
        self._outcomes: dict[str, Outcome] = {}
        self._asked: set[str] | None = set()
        self.flaky = set(baseline.flaky)
        self.run: SuiteRun | None = None
        self.notes: list[str] = []

    def judged_by_base(self, impacted: tuple[str, ...]) -> Judgement:
        """Runs base's version of the tests, the cheapest part first."""
        judges = self._change.judges
        if self._change.mechanical and self._change.tests:
            changed = ", ".join(self._change.tests)
            self.notes.append(
                f"computed edits of tests, which judge the patch as edited: {changed}"
            )
        if judges:
            self.notes.append(f"base's versions judged the patch of {', '.join(judges)}")
        with self._change.at_base(*judges):
            for stage, selection in self._stages(impacted):
                with self._bench.timed(stage):
                    self._run_stage(stage, selection)
                judgement = self._judge()
                self._require(stage, judgement)
        return judgement

    def judged_by_its_own(self) -> Judgement | None:
        """Runs the tests that the patch brings, with and without its sources; None when it brings
        none."""
        files = tuple(path for path in self._change.python if _may_hold_tests(path))
        if not files or self._bench.target.command is not None:
            return None
        with self._bench.timed("guards"):
            run = self._observe("guards", files)
            new = {test for test in run.outcomes if test not in self._baseline.outcomes}
            if failed := sorted(test for test in new if run.outcomes[test] in FAILING):
                reason = f"tests that the patch brings fail\n{_told(failed, run)}"
                verdict = Judgement(verdict="breaks_tests", newly_failing=tuple(failed))
                raise Refusal("guards", reason, verdict)
            passed = {test for test in new if run.outcomes[test] in PASSING}
            guards = passed - self._passing_without_the_patch(files)
        return self._judge(guards=guards)

    def _stages(self, impacted: tuple[str, ...]) -> Iterator[tuple[Stage, tuple[str, ...]]]:
        """Which tests to ask for in which stage; nothing named is the whole suite."""
        if self._bench.target.command is None and self._baseline.seconds > _SHORT_SUITE_SECONDS:
            if self._targets:
                yield "targets", self._targets
            others = tuple(test for test in impacted if not covered(test, by=self._targets))
            if others:
                yield "impacted", others
        if self._baseline.fast:
            self.notes.append("of the suite only the tests marked fast were run")
            yield "suite", (*self._baseline.fast, *self._targets)
        else:
            yield "suite", ()

    def _run_stage(self, stage: Stage, selection: tuple[str, ...]) -> None:
        """Runs the tests; of a few new failures those that pass when run again are flaky."""
        run = self.run = self._observe(stage, selection)
        self.notes += [note for note in run.notes if note not in self.notes]
        self._outcomes |= run.outcomes
        if self._asked is not None:
            self._asked = self._asked | set(selection) if selection else None
        newly = judge(self._baseline.outcomes, run.outcomes, flaky=self.flaky).newly_failing
        if not 0 < len(newly) <= _RERUN_AT_MOST:
            return
        again = self._observe(stage, () if self._bench.target.command else newly)
        flips = set(flipped(run.outcomes, again.outcomes)).intersection(newly)
        if flips:
            self.flaky |= flips
            self.notes.append(f"failed and then passed, so not counted: {', '.join(sorted(flips))}")

    def _observe(self, stage: Stage, selection: tuple[str, ...]) -> SuiteRun:
        bench = self._bench
        try:
            run = observe_suite(
                bench.target,
                self._change.worktree,
                bench.sandbox,
                tests=selection,
                timeout_seconds=bench.timeout_seconds,
                test_seconds=bench.test_seconds,
                stop=bench.stop,
                limits=bench.limits,
            )
        except TestsUnusable as error:
            # At base they could be run, so this is what the patch has done to them.
            raise Refusal(stage, str(error), Judgement(verdict="breaks_tests")) from error
        if run.struck:
            where = run.running or "no test"
            reason = f"the tests passed the limit on {run.struck} while {where} ran"
            raise Refusal(stage, reason, Judgement(verdict="breaks_tests"))
        return run

    def _judge(self, *, guards: Collection[str] = ()) -> Judgement:
        return judge(
            self._baseline.outcomes,
            self._outcomes,
            targets=self._targets,
            flaky=self.flaky,
            selection=self._asked,
            guards=guards,
        )

    def _require(self, stage: Stage, judgement: Judgement) -> None:
        broken, unfixed = (*judgement.newly_failing, *judgement.lost), judgement.unfixed
        if judgement.verdict == "breaks_tests":
            lost = f"; no longer run: {', '.join(judgement.lost)}" if judgement.lost else ""
            told = _told(broken, self.run)
            raise Refusal(stage, f"{len(broken)} tests are worse{lost}\n{told}", judgement)
        if judgement.verdict == "no_change_in_tests" and stage in ("targets", "suite"):
            told = _told(unfixed, self.run)
            raise Refusal(stage, f"none of the tests that should pass does\n{told}", judgement)

    def _passing_without_the_patch(self, files: tuple[str, ...]) -> set[str]:
        with self._change.at_base(*self._change.sources):
            try:
                run = self._observe("guards", files)
            except Refusal:  # without the patch's sources they may not even be importable
                return set()
        return {test for test, outcome in run.outcomes.items() if outcome in PASSING}


def _told(tests: Collection[str], run: SuiteRun | None) -> str:
    """The first few failures in detail, the others by name."""
    known = run.failures if run else {}
    shown = [test for test in tests if test in known][:_SHOWN_FAILURES]
    parts = [f"{test}\n{known[test].detail or known[test].message}" for test in shown]
    return "\n".join([*parts, *(test for test in tests if test not in shown)])


def _may_hold_tests(path: str) -> bool:
    """Whether pytest would look for tests in this file."""
    name = path.rpartition("/")[2]
    return name.startswith("test_") or name.endswith("_test.py")
