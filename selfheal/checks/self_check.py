"""The self-check of one patch (CA-6): cheapest check first, stopped by the first new failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from selfheal.checks.baseline import Baseline
from selfheal.checks.change import Change
from selfheal.checks.formatting import Formatting, format_change
from selfheal.checks.linting import Linting, lint_change
from selfheal.checks.patch_tests import Bench, PatchTests, Refusal, Stage
from selfheal.checks.suite import SUITE_SECONDS, TEST_SECONDS, never
from selfheal.checks.suite_run import SuiteRun
from selfheal.checks.target import Target
from selfheal.checks.tool_run import ToolBench
from selfheal.checks.verdict import Judgement
from selfheal.contracts.commit_result import Verdict
from selfheal.sandbox.jail import Limits, Sandbox


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
    versions of test and configuration files judge it (a mechanical patch's own tests do); tests
    that it brings are run with and without its sources. Without any tests the verdict is `none`.
    New findings of the linter refuse it unless `lint_refuses` is off: then they are only told.
    `timeout_seconds` bounds each stage. Raises Cancelled when `stop` turns true.
    """
    bench = Bench(
        target=target,
        sandbox=sandbox,
        timeout_seconds=timeout_seconds,
        test_seconds=test_seconds,
        stop=stop,
        limits=limits,
    )
    tests = PatchTests(change, bench, baseline=baseline, targets=targets)
    stopped_at: Stage | None = None
    reason = ""
    formatting, linting = _format(change, bench), _lint(change, bench)
    try:
        _require_clean(linting, target, refuses=lint_refuses)
        judgement = Judgement(verdict="none")
        if not baseline.untested:
            judgement = tests.judged_by_base(impacted)
        if not change.mechanical:
            judgement = tests.judged_by_its_own() or judgement
    except Refusal as refusal:
        judgement, stopped_at, reason = refusal.judgement, refusal.stage, refusal.reason
    notes = (*target.notes, *formatting.notes, *linting.notes, *tests.notes, *judgement.notes)
    return SelfCheck(
        judgement=judgement,
        stopped_at=stopped_at,
        reason=reason,
        formatted=formatting.files,
        findings=linting.findings,
        flaky=tuple(sorted(tests.flaky.difference(baseline.flaky))),
        run=tests.run,
        seconds=bench.seconds,
        notes=notes,
    )


def _format(change: Change, bench: Bench) -> Formatting:
    if bench.target.formatter is None:
        return Formatting()
    with bench.timed("format"):
        return format_change(change, bench.target.formatter, _tools(change, bench))


def _lint(change: Change, bench: Bench) -> Linting:
    if bench.target.linter is None:
        return Linting()
    with bench.timed("lint"):
        return lint_change(change, bench.target.linter, _tools(change, bench))


def _tools(change: Change, bench: Bench) -> ToolBench:
    return ToolBench(
        target=bench.target, worktree=change.worktree, sandbox=bench.sandbox, stop=bench.stop
    )


def _require_clean(linting: Linting, target: Target, *, refuses: bool) -> None:
    if linting.findings and refuses:
        shown = "\n".join(linting.findings)
        reason = f"{target.linter} finds what it did not find at base:\n{shown}"
        raise Refusal("lint", reason, Judgement(verdict="none"))
