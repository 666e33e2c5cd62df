"""The self-check of one patch (CA-6): cheapest check first, stopped by the first new failure."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from selfheal.checks.baseline import Baseline, flipped
from selfheal.checks.change import Change
from selfheal.checks.formatting import format_change
from selfheal.checks.linting import lint_change
from selfheal.checks.outcomes import FAILING, PASSING, Outcome, covered
from selfheal.checks.suite import SUITE_SECONDS, TEST_SECONDS, never, observe_suite
from selfheal.checks.suite_run import SuiteRun
from selfheal.checks.target import Target
from selfheal.checks.tool_run import ToolBench
from selfheal.checks.verdict import Judgement, judge
from selfheal.contracts.commit_result import Verdict
from selfheal.errors import TestsUnusable
from selfheal.sandbox.jail import Limits, Sandbox

Stage = Literal["format", "lint", "targets", "impacted", "suite", "guards"]

# Starting pytest and importing a project costs about a second. In a suite that is over within a
# few of those, running a part of it first saves nothing.
_SHORT_SUITE_SECONDS = 5.0

# So many new failures are no coincidence; fewer are run again before the patch is blamed.
_RERUN_AT_MOST = 20

_SHOWN_FAILURES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCheck:
    """What the self-check found.

    `stopped_at` is the stage that speaks against the patch, None when none does; `reason` says why,
    for people and for the next draft. `formatted` are the files that the formatter has changed in
    the work tree, with their content. `findings` are the linter's new ones. `flaky` tests failed
    and passed with the same patch. `run` is the last run of base's tests; `seconds` are by stage.
    """

    judgement: Judgement
    stopped_at: Stage | None = None
    reason: str = ""
    formatted: tuple[tuple[str, bytes], ...] = ()
    findings: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    run: SuiteRun | None = None
    seconds: Mapping[Stage, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the patch."""
        return self.stopped_at is None

    @property
    def verdict(self) -> Verdict:
        """The verdict for the CommitResult."""
        return self.judgement.verdict


def self_check(
    change: Change,
    target: Target,
    sandbox: Sandbox,
    *,
    baseline: Baseline,
    targets: tuple[str, ...] = (),
    impacted: tuple[str, ...] = (),
    lint_refuses: bool = True,
    timeout_seconds: float = SUITE_SECONDS,
    test_seconds: float = TEST_SECONDS,
    stop: Callable[[], bool] = never,
    limits: Limits | None = None,
) -> SelfCheck:
    """Formats, lints and tests a patch that is applied in `change.worktree`.

    `targets` are the tests it has to fix, `impacted` those that its lines can break. Base's
    versions of test and configuration files judge it; tests that it brings are run with and without
    its sources. New findings of the linter refuse it unless `lint_refuses` is off: then they are
    notes. `timeout_seconds` bounds each stage. Raises Cancelled when `stop` turns true.
    """
    check = _Check(
        change=change,
        target=target,
        sandbox=sandbox,
        baseline=baseline,
        targets=targets,
        impacted=impacted,
        timeout_seconds=timeout_seconds,
        test_seconds=test_seconds,
        stop=stop,
        limits=limits,
    )
    return check.run(lint_refuses=lint_refuses)


class _Refusal(Exception):
    """Ends the check at its first new failure."""

    def __init__(self, stage: Stage, reason: str, judgement: Judgement) -> None:
        super().__init__(reason)
        self.stage, self.reason, self.judgement = stage, reason, judgement


@dataclass(slots=True, kw_only=True)
class _Check:
    """One self-check under way."""

    change: Change
    target: Target
    sandbox: Sandbox
    baseline: Baseline
    targets: tuple[str, ...]
    impacted: tuple[str, ...]
    timeout_seconds: float
    test_seconds: float
    stop: Callable[[], bool]
    limits: Limits | None
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    flaky: set[str] = field(default_factory=set)
    formatted: tuple[tuple[str, bytes], ...] = ()
    findings: tuple[str, ...] = ()
    suite_run: SuiteRun | None = None
    asked: set[str] | None = field(default_factory=set)
    seconds: dict[Stage, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def run(self, *, lint_refuses: bool) -> SelfCheck:
        """Every stage in turn, until one refuses."""
        self.notes += self.target.notes
        self.flaky |= set(self.baseline.flaky)
        try:
            self._format()
            self._lint(refuses=lint_refuses)
            judgement = self._judged_by_base()
            judgement = self._guards() or judgement
        except _Refusal as refusal:
            return self._result(refusal.judgement, stage=refusal.stage, reason=refusal.reason)
        return self._result(judgement)

    def _format(self) -> None:
        if self.target.formatter is None:
            return
        with self._timed("format"):
            done = format_change(self.change, self.target.formatter, self._bench)
        self.formatted = done.files
        self.notes += done.notes

    def _lint(self, *, refuses: bool) -> None:
        if self.target.linter is None:
            return
        with self._timed("lint"):
            done = lint_change(self.change, self.target.linter, self._bench)
        self.findings = done.findings
        self.notes += done.notes
        if not done.findings:
            return
        reason = f"{self.target.linter} finds what it did not find at base:\n" + "\n".join(
            done.findings
        )
        if refuses:
            raise _Refusal("lint", reason, Judgement(verdict="none"))
        self.notes.append(reason)

    def _judged_by_base(self) -> Judgement:
        judges = (*self.change.tests, *self.change.configuration)
        if judges:
            self.notes.append(f"base's versions judged the patch of {', '.join(judges)}")
        with self.change.at_base(*judges):
            for stage, selection in self._stages():
                with self._timed(stage):
                    self._run_stage(stage, selection)
                judgement = self._judge()
                self._require(stage, judgement)
        return judgement

    def _stages(self) -> Iterator[tuple[Stage, tuple[str, ...]]]:
        """Which tests to ask for in which stage; nothing named is the whole suite."""
        if self.target.command is None and self.baseline.seconds > _SHORT_SUITE_SECONDS:
            if self.targets:
                yield "targets", self.targets
            others = tuple(test for test in self.impacted if not covered(test, by=self.targets))
            if others:
                yield "impacted", others
        if self.baseline.fast:
            self.notes.append("of the suite only the tests marked fast were run")
            yield "suite", (*self.baseline.fast, *self.targets)
        else:
            yield "suite", ()

    def _run_stage(self, stage: Stage, selection: tuple[str, ...]) -> None:
        """Runs the tests; of a few new failures those that pass when run again are flaky."""
        run = self.suite_run = self._observe(stage, selection)
        self.notes += [note for note in run.notes if note not in self.notes]
        self.outcomes |= run.outcomes
        self.asked = self.asked | set(selection) if selection and self.asked is not None else None
        newly = judge(self.baseline.outcomes, run.outcomes, flaky=self.flaky).newly_failing
        if not 0 < len(newly) <= _RERUN_AT_MOST:
            return
        again = self._observe(stage, () if self.target.command else newly)
        flips = set(flipped(run.outcomes, again.outcomes)).intersection(newly)
        if flips:
            self.flaky |= flips
            self.notes.append(f"failed and then passed, so not counted: {', '.join(sorted(flips))}")

    def _observe(self, stage: Stage, selection: tuple[str, ...]) -> SuiteRun:
        try:
            run = observe_suite(
                self.target,
                self.change.worktree,
                self.sandbox,
                tests=selection,
                timeout_seconds=self.timeout_seconds,
                test_seconds=self.test_seconds,
                stop=self.stop,
                limits=self.limits,
            )
        except TestsUnusable as error:
            # At base they could be run, so this is what the patch has done to them.
            raise _Refusal(stage, str(error), Judgement(verdict="breaks_tests")) from error
        if run.struck:
            reason = f"the tests passed the limit on {run.struck} while {run.running or '?'} ran"
            raise _Refusal(stage, reason, Judgement(verdict="breaks_tests"))
        return run

    def _judge(self, *, guards: Collection[str] = ()) -> Judgement:
        return judge(
            self.baseline.outcomes,
            self.outcomes,
            targets=self.targets,
            flaky=self.flaky,
            selection=self.asked,
            guards=guards,
        )

    def _require(self, stage: Stage, judgement: Judgement) -> None:
        broken, unfixed = (*judgement.newly_failing, *judgement.lost), judgement.unfixed
        if judgement.verdict == "breaks_tests":
            lost = f"; no longer run: {', '.join(judgement.lost)}" if judgement.lost else ""
            told = _told(broken, self.suite_run)
            raise _Refusal(stage, f"{len(broken)} tests are worse{lost}\n{told}", judgement)
        if judgement.verdict == "no_change_in_tests" and stage in ("targets", "suite"):
            told = _told(unfixed, self.suite_run)
            raise _Refusal(stage, f"none of the tests that should pass does\n{told}", judgement)

    def _guards(self) -> Judgement | None:
        """The verdict once the patch's own tests are looked at; None when it brings none."""
        files = tuple(
            path for path in self.change.tests if path in self.change.python and _may_hold(path)
        )
        if not files or self.target.command is not None:
            return None
        with self._timed("guards"):
            run = self._observe("guards", files)
            new = {test for test in run.outcomes if test not in self.baseline.outcomes}
            if failed := sorted(test for test in new if run.outcomes[test] in FAILING):
                reason = f"tests that the patch brings fail\n{_told(failed, run)}"
                verdict = Judgement(verdict="breaks_tests", newly_failing=tuple(failed))
                raise _Refusal("guards", reason, verdict)
            passed = {test for test in new if run.outcomes[test] in PASSING}
            guards = passed - self._passing_without_the_patch(files)
        return self._judge(guards=guards)

    def _passing_without_the_patch(self, files: tuple[str, ...]) -> set[str]:
        with self.change.at_base(*self.change.sources):
            try:
                run = self._observe("guards", files)
            except _Refusal:  # without the patch's sources they may not even be importable
                return set()
        return {test for test, outcome in run.outcomes.items() if outcome in PASSING}

    def _result(
        self, judgement: Judgement, *, stage: Stage | None = None, reason: str = ""
    ) -> SelfCheck:
        return SelfCheck(
            judgement=judgement,
            stopped_at=stage,
            reason=reason,
            formatted=self.formatted,
            findings=self.findings,
            flaky=tuple(sorted(self.flaky - set(self.baseline.flaky))),
            run=self.suite_run,
            seconds=self.seconds,
            notes=(*self.notes, *judgement.notes),
        )

    @property
    def _bench(self) -> ToolBench:
        return ToolBench(
            target=self.target,
            worktree=self.change.worktree,
            sandbox=self.sandbox,
            stop=self.stop,
        )

    @contextmanager
    def _timed(self, stage: Stage) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - began


def _told(tests: Collection[str], run: SuiteRun | None) -> str:
    """The first few failures in detail, the others by name."""
    known = run.failures if run else {}
    shown = [test for test in tests if test in known][:_SHOWN_FAILURES]
    parts = [f"{test}\n{known[test].detail or known[test].message}" for test in shown]
    return "\n".join([*parts, *(test for test in tests if test not in shown)])


def _may_hold(path: str) -> bool:
    """Whether pytest would look for tests in this file."""
    name = path.rpartition("/")[2]
    return name.startswith("test_") or name.endswith("_test.py")
