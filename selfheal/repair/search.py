"""The search: candidates in, plausible patches out. Logic only; tests run behind a Validator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
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


class Search:
    """Tries candidates in order; `proceed` goes on where it stopped, for more plausible patches."""

    def __init__(
        self,
        waves: Iterable[list[Candidate]],
        goal: Goal,
        validator: Validator,
        *,
        most: int,
        out_of_time: Callable[[], bool],
        on_step: Callable[[Finding], None],
    ) -> None:
        self.finding = Finding()
        self._waves, self._goal, self._validator = iter(waves), goal, validator
        self._most, self._out_of_time, self._on_step = most, out_of_time, on_step
        self._wave: Iterator[Candidate] = iter(())
        self._seen: set[tuple[str, str]] = set()
        self._waves_begun = 0

    def proceed(self) -> list[Plausible]:
        """New plausible patches of the wave that gives any; empty when a bound is reached."""
        found: list[Plausible] = []
        first = 0
        while not self._bounded() and not (found and self._tried_since(first)):
            candidate = next(self._wave, None)
            if candidate is None:
                if found or not self._next_wave():
                    break
                continue
            plausible = self._try(candidate)
            if plausible is not None:
                first = first or self.finding.validations
                found.append(plausible)
        self.finding.plausible += found
        return found

    def _bounded(self) -> bool:
        return self._out_of_time() or self.finding.validations >= self._most

    def _tried_since(self, first: int) -> bool:
        return self.finding.validations - first >= AFTER_FIRST

    def _next_wave(self) -> bool:
        wave = next(self._waves, None)
        if wave is None:
            self.finding.exhausted = not self._out_of_time()
            return False
        self.finding.reached_wave = self._waves_begun
        self._waves_begun += 1
        self._wave = iter(wave)
        return True

    def _try(self, candidate: Candidate) -> Plausible | None:
        edit = candidate.edit
        tree = fingerprint(edit)
        if tree is None or tree == normalised(edit.unit_old) or (edit.path, tree) in self._seen:
            self.finding.pruned += 1
            return None
        self._seen.add((edit.path, tree))
        self.finding.validations += 1
        number = self.finding.validations
        plausible = judge(candidate, edit, self._goal, self._validator, number=number)
        self._on_step(self.finding)
        return plausible


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
