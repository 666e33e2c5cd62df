"""The search: candidates in, plausible patches out. Logic only; tests run behind a Validator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from selfheal.repair.candidates import Candidate
from selfheal.repair.localise import Localisation
from selfheal.repair.ranking import Plausible
from selfheal.repair.source import Edit, fingerprint, normalised
from selfheal.repair.validator import CaseResult, Run, Validator

# Once something is plausible, this many more are tried for a better or a rival patch.
AFTER_FIRST = 80
# CPU seconds of guards per candidate; what they leave out is for the confirmation.
GUARD_SECONDS = 4.0
LEAST_LIMIT = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a candidate must do: make `key` pass, break no guard; `others` are a bonus."""

    key: str
    others: tuple[str, ...]
    localisation: Localisation
    limits: Mapping[str, float]
    shaky: frozenset[str] = frozenset()

    def guards(self, candidate: Candidate) -> tuple[str, ...]:
        """Passing tests that run the changed lines; all of the file's when it runs at import."""
        place = self.localisation
        names = place.covering(candidate.lines)
        if not names:
            source = candidate.source
            every = range(1, source.text.count("\n") + 2)
            names = place.covering((source.path, line) for line in every)
        chosen: list[str] = []
        seconds = 0.0
        for name in names:
            seconds += place.results[name].seconds
            if name not in self.shaky and (seconds <= GUARD_SECONDS or not chosen):
                chosen.append(name)
        return tuple(chosen)


@dataclass(slots=True)
class Finding:
    """What a search has found so far; `exhausted` when every candidate was tried."""

    plausible: list[Plausible] = field(default_factory=list)
    validations: int = 0
    pruned: int = 0
    exhausted: bool = False
    reached_wave: int = 0


def search(
    waves: Iterable[list[Candidate]],
    goal: Goal,
    validator: Validator,
    *,
    most: int,
    out_of_time: Callable[[], bool],
    on_step: Callable[[Finding], None],
) -> Finding:
    """Try candidates in order until a wave has given plausible patches or a bound is reached."""
    finding, seen = Finding(), set[tuple[str, str | None]]()
    for number, wave in enumerate(waves):
        finding.reached_wave = number
        first = 0
        for candidate in wave:
            if out_of_time() or finding.validations >= most:
                return finding
            if finding.plausible and finding.validations - first >= AFTER_FIRST:
                return finding
            edit = candidate.edit
            tree = fingerprint(edit)
            if tree in (None, normalised(edit.unit_old)) or (edit.path, tree) in seen:
                finding.pruned += 1
                continue
            seen.add((edit.path, tree))
            finding.validations += 1
            plausible = judge(candidate, edit, goal, validator, number=finding.validations)
            if plausible is not None:
                first = first or finding.validations
                finding.plausible.append(plausible)
            on_step(finding)
        if finding.plausible:
            return finding
    finding.exhausted = True
    return finding


def judge(
    candidate: Candidate, edit: Edit, goal: Goal, validator: Validator, *, number: int
) -> Plausible | None:
    """Run the key test, then the guards, then the other failing tests; None unless plausible."""
    results = validator.run(_run(edit, goal, (goal.key,)))
    if not _all_green(results, (goal.key,)) or results[0].outcome == "skipped":
        return None
    guards = goal.guards(candidate)
    if guards and not _all_green(validator.run(_run(edit, goal, guards)), guards):
        return None
    fixes = [goal.key]
    if goal.others:
        run = _run(edit, goal, goal.others, stop=False)
        fixes += [result.test for result in validator.run(run) if result.outcome == "passed"]
    return Plausible(candidate, tuple(dict.fromkeys(fixes)), len(guards), number)


def _run(edit: Edit, goal: Goal, tests: tuple[str, ...], *, stop: bool = True) -> Run:
    return Run(
        tests=tests,
        edit=edit,
        limit=LEAST_LIMIT,
        limits={name: goal.limits[name] for name in tests if name in goal.limits},
        stop_at_failure=stop,
    )


def _all_green(results: tuple[CaseResult, ...], wanted: tuple[str, ...]) -> bool:
    """A file that could not be collected stands for its tests, which come under their own names."""
    done = {result.test for result in results}
    missing = [name for name in wanted if "::" in name and name not in done]
    return bool(results) and not missing and all(result.green for result in results)
