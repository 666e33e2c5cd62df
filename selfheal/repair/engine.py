"""The one entry point: a work tree with failing tests in, a confirmed patch or a reason out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from selfheal.edits.diff import file_diff
from selfheal.errors import EnvironmentUnusable, TimedOut
from selfheal.repair.baseline import trace_tests
from selfheal.repair.candidates import waves
from selfheal.repair.confirm import confirm
from selfheal.repair.faults import Fault, cluster_faults
from selfheal.repair.localise import Localisation, localise_lines
from selfheal.repair.project import project_files, project_sources
from selfheal.repair.ranking import Plausible, confidence, ranked
from selfheal.repair.search import Finding, Goal, Search
from selfheal.repair.source import SourceFile
from selfheal.repair.task import (
    RepairOutcome,
    RepairPatch,
    RepairProgress,
    RepairTask,
    Stage,
    Status,
    SuspectFunction,
)
from selfheal.repair.validator import Bench, CaseResult, Run, WarmValidator

BASELINE_SHARE = 0.25
FIRST_FAULT_SHARE = 0.7
# Plausible patches that fresh processes are asked about before giving up on a fault.
MOST_CONFIRMED = 4
MOST_PATCHES = 8
MOST_ROUNDS = 4
# Failing tests that are asked whether they behave the same alone.
MOST_KEYS = 8
LEAST_LIMIT = 0.2
MOST_LIMIT = 20.0


def repair(task: RepairTask) -> RepairOutcome:
    """Find a plausible patch for the failing tests, or say why there is none.

    Raises Cancelled when `task.stop()` turns true, SandboxUnavailable when nothing can be jailed.
    The work tree is left as it was found.
    """
    return _Repair(task).run()


def localise(task: RepairTask) -> Localisation:
    """Run the tests traced and rank lines and functions, without searching for a patch.

    Raises TestsUnusable when the tests cannot be run, Cancelled when stopped.
    """
    job = _Repair(task)
    with WarmValidator(job.bench) as validator:
        return job.localised(validator)


class _Repair:
    """One repair: holds the clock, the progress and the stages' seconds."""

    def __init__(self, task: RepairTask) -> None:
        self.task = task
        self._began = time.monotonic()
        self._deadline = self._began + task.budget_seconds
        self._seconds: dict[Stage, float] = {}
        self._finding = Finding()
        self._validations = 0
        self._looked_at: tuple[SuspectFunction, ...] = ()
        self._other_red: set[str] = set()
        self.files = project_files(task.worktree, task.paths)
        self.sources, self.unread = project_sources(task.worktree, self.files)
        self.bench = Bench(
            worktree=task.worktree,
            python=task.python,
            sandbox=task.sandbox,
            pytest_args=task.pytest_args,
            files=self.files,
            environment=self._environment(),
            seconds=task.budget_seconds,
            stop=task.stop,
        )

    def _environment(self) -> dict[str, str]:
        given = dict(self.task.environment)
        if "PYTHONPATH" not in given and (self.task.worktree / "src").is_dir():
            given["PYTHONPATH"] = str(self.task.worktree / "src")
        return given

    def run(self) -> RepairOutcome:
        try:
            return self._repaired()
        except TimedOut:
            return self._ended(
                "no_fix", f"the budget of {self.task.budget_seconds:g} s was used up"
            )
        except EnvironmentUnusable as error:
            return self._ended("cannot_run", str(error))

    def _repaired(self) -> RepairOutcome:
        if not self.sources:
            return self._ended("cannot_run", "no Python file of the project may be changed")
        with self._stage("collect", "collecting tests"):
            validator = WarmValidator(self.bench)
            validator.__enter__()
        try:
            found = self.localised(validator)
            self._looked_at = found.functions[:10]
            if not found.failing:
                return self._nothing_fails(found)
            if not found.functions:
                return self._ended("no_fix", "no failing test runs a line that may be changed")
            return self._searched(validator, found)
        finally:
            validator.__exit__(None, None, None)

    def localised(self, validator: WarmValidator) -> Localisation:
        """Trace the tests and rank what they execute."""
        with self._stage("baseline", "running tests"):
            results = trace_tests(
                validator,
                failing=self.task.failing,
                passing=self.task.passing,
                seconds=BASELINE_SHARE * self.task.budget_seconds,
            )
        with self._stage("localise", "ranking suspicious lines"):
            if self.task.failing:
                wanted = set(self.task.failing)
                self._other_red = {r.test for r in results if not r.green} - wanted
                results = tuple(r for r in results if r.green or r.test in wanted)
            return localise_lines(results, self.sources, validator.collection.imported)

    def _nothing_fails(self, found: Localisation) -> RepairOutcome:
        if not found.results:
            return self._ended("cannot_run", "pytest collected no test")
        missing = [name for name in self.task.failing if name not in found.results]
        if missing:
            return self._ended("cannot_run", f"pytest does not collect {missing[0]}")
        return self._ended("nothing_to_do", f"all {len(found.results)} tests that ran pass")

    def _searched(self, validator: WarmValidator, found: Localisation) -> RepairOutcome:
        """Search fault by fault; the first may take most of the time, for one is the usual case."""
        faults = cluster_faults(found)
        outcomes: list[RepairOutcome] = []
        for number, fault in enumerate(faults):
            left = self._deadline - time.monotonic()
            share = left if number + 1 == len(faults) else FIRST_FAULT_SHARE * left
            outcomes.append(self._fault(validator, found, fault, seconds=share))
            if outcomes[-1].status == "fixed" or time.monotonic() > self._deadline:
                break
        told = outcomes[-1] if outcomes[-1].status == "fixed" else outcomes[0]
        return replace(told, validations=self._validations)

    def _fault(
        self, validator: WarmValidator, found: Localisation, fault: Fault, *, seconds: float
    ) -> RepairOutcome:
        until = time.monotonic() + seconds
        goal = self._goal(validator, found, fault)
        suite = sum(result.seconds for result in found.results.values())
        reserve = min(0.3 * seconds, 2.0 + 2.0 * suite)
        failures = [f for f in (found.results[n].failure for n in fault.failing) if f is not None]

        def out_of_time() -> bool:
            return time.monotonic() > until - reserve

        search = Search(
            waves(self.sources, goal.localisation, failures, out_of_time=out_of_time),
            goal,
            validator,
            most=self.task.max_candidates,
            out_of_time=out_of_time,
            on_step=self._on_step,
        )
        outcome = self._rounds(search, goal, found)
        self._validations += search.finding.validations
        return replace(outcome, validations=self._validations)

    def _rounds(self, search: Search, goal: Goal, found: Localisation) -> RepairOutcome:
        """Search, confirm, and search on when fresh processes refuse what was plausible."""
        for _ in range(MOST_ROUNDS):
            with self._stage("search", f"searching a fix for {goal.key}"):
                plausible = search.proceed()
            if not plausible:
                break
            with self._stage("confirm", f"confirming {len(plausible)} plausible patches"):
                order = self._confirmed(ranked(plausible), goal, found)
            if order:
                return self._fixed(order, search.finding, len(found.failing))
        reason = self._why_none(search.finding)
        return self._ended("no_fix", reason, finding=search.finding)

    def _goal(self, validator: WarmValidator, found: Localisation, fault: Fault) -> Goal:
        """The simplest failing test is the key; guards that fail out of order are set aside."""
        results = found.results
        chosen = [results[name] for name in fault.failing]
        chosen += [results[name] for name in found.passing]
        place = localise_lines(chosen, self.sources, validator.collection.imported)
        key = self._key(validator, sorted((results[n] for n in fault.failing), key=_cost))
        others = tuple(name for name in found.failing if name != key)
        limits = _limits(found)
        suspects = [line for line, score in place.lines.items() if score >= 0.3]
        order = place.covering(suspects)
        alone = validator.run(Run(tests=order, limits=limits, limit=LEAST_LIMIT)) if order else ()
        shaky = frozenset(result.test for result in alone if not result.green)
        return Goal(key=key, others=others, localisation=place, limits=limits, shaky=shaky)

    def _key(self, validator: WarmValidator, order: Sequence[CaseResult]) -> str:
        """The first test that does alone what it does after all others, so can pass alone too."""
        for result in order[:MOST_KEYS]:
            if result.outcome != "failed" or "::" not in result.test:
                continue
            alone = validator.run(Run(tests=(result.test,), trace=True))
            if alone and alone[0].lines == result.lines:
                return result.test
        return order[0].test

    def _confirmed(
        self, order: list[Plausible], goal: Goal, found: Localisation
    ) -> list[Plausible]:
        """The plausible patches with the first that holds put in front; empty when none does."""
        known_red = frozenset(self._known_red(found))
        for plausible in order[:MOST_CONFIRMED]:
            candidate = plausible.candidate
            text = _new_text(candidate.source, plausible)
            bench = replace(self.bench, seconds=max(20.0, self.task.budget_seconds / 2))
            said = confirm(
                bench,
                candidate.source.path,
                text,
                failing=plausible.fixes,
                known_red=known_red,
                known_green=self._known_green,
                times=self.task.confirmations,
            )
            if goal.key in said.fixed and not said.broken:
                others = [p for p in order if p is not plausible]
                chosen = replace(plausible, fixes=said.fixed)
                return [chosen, *others]
        return []

    def _known_red(self, found: Localisation) -> Iterator[str]:
        yield from found.failing
        yield from self._other_red
        yield from (name for name in self.task.failing if name not in found.passing)

    @property
    def _known_green(self) -> frozenset[str] | None:
        """The tests that must stay green, where the caller knows them all."""
        return None if self.task.passing is None else frozenset(self.task.passing)

    def _fixed(self, order: list[Plausible], finding: Finding, failing: int) -> RepairOutcome:
        patches = [
            _patch(plausible, finding.plausible, failing, first=number == 0)
            for number, plausible in enumerate(order[:MOST_PATCHES])
        ]
        return replace(self._ended("fixed", "", finding=finding), patches=tuple(patches))

    def _why_none(self, finding: Finding) -> str:
        if finding.plausible:
            return (
                f"{len(finding.plausible)} plausible patches were found, "
                "but none held in fresh processes with the whole test selection"
            )
        if finding.exhausted:
            return f"none of {finding.validations} candidate edits makes the failing test pass"
        if finding.validations >= self.task.max_candidates:
            return f"the bound of {self.task.max_candidates} candidates was reached"
        return f"time was up after {finding.validations} candidate edits"

    def _ended(self, status: Status, reason: str, finding: Finding | None = None) -> RepairOutcome:
        return RepairOutcome(
            status=status,
            reason=reason,
            validations=self._validations,
            plausible=len(finding.plausible) if finding else 0,
            seconds=dict(self._seconds),
            looked_at=self._looked_at,
            not_tried=self._not_tried(finding),
        )

    def _not_tried(self, finding: Finding | None) -> tuple[str, ...]:
        said = ["fixes that need edits in more than one place, or new logic"]
        if finding is not None and not finding.exhausted:
            said.append(f"templates and lines after wave {finding.reached_wave + 1}")
        said += [f"{path}: {why}" for path, why in self.unread]
        return tuple(said)

    def _on_step(self, finding: Finding) -> None:
        if finding.validations % 20 == 0:
            self._finding = finding
            self._tell("search", f"tried {finding.validations} candidate edits")

    @contextmanager
    def _stage(self, stage: Stage, message: str) -> Iterator[None]:
        self._tell(stage, message)
        begin = time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - begin
            self._seconds[stage] = round(self._seconds.get(stage, 0.0) + spent, 3)

    def _tell(self, stage: Stage, message: str) -> None:
        self.task.progress(
            RepairProgress(
                stage=stage,
                message=message,
                validations=self._validations + self._finding.validations,
                plausible=len(self._finding.plausible),
                seconds=time.monotonic() - self._began,
            )
        )


def _cost(result: CaseResult) -> tuple[bool, int, str]:
    """Tests that end come first, then those that run the fewest lines: no clock is asked."""
    lines = sum(len(lines) for lines in result.lines.values())
    return (result.outcome in ("timeout", "crashed"), lines, result.test)


def _limits(found: Localisation) -> dict[str, float]:
    """CPU seconds by test: ten times its own; for failing ones also twice the slowest passing."""
    passing = [found.results[name].seconds for name in found.passing]
    slowest = max(passing, default=0.0)
    limits = {name: 10 * found.results[name].seconds for name in found.passing}
    for name in found.failing:
        result = found.results[name]
        own = 10 * result.seconds if result.outcome == "failed" else 0.0
        limits[name] = max(own, min(2 * slowest, 2.0))
    return {name: min(MOST_LIMIT, max(LEAST_LIMIT, limit)) for name, limit in limits.items()}


def _new_text(source: SourceFile, plausible: Plausible) -> str:
    change = plausible.candidate.change
    return source.spliced((change.start, change.end, change.text))


def _patch(
    plausible: Plausible, found: Sequence[Plausible], failing: int, *, first: bool
) -> RepairPatch:
    candidate = plausible.candidate
    source, new = candidate.source, _new_text(candidate.source, plausible)
    return RepairPatch(
        path=source.path,
        new_text=new,
        diff=file_diff(source.path, source.text, new),
        template=candidate.template.name,
        tier=candidate.template.tier,
        fixes=plausible.fixes,
        verdict="fixes" if first else "plausible, not confirmed in a fresh process",
        confidence=confidence(plausible, found, failing),
        qualname=source.qualname(candidate.node),
        line=getattr(candidate.node, "lineno", candidate.statement.lineno),
        guards=plausible.guards,
    )
