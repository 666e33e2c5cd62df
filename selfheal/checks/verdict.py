"""What a patch did to the tests, judged from the outcomes before and after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from selfheal.checks.outcomes import (
    FAILING,
    PASSING,
    Outcome,
    Outcomes,
    covered,
    covering,
    failing,
    function_of,
    parents,
)
from selfheal.contracts.commit_result import Verdict

GOOD: frozenset[Verdict] = frozenset({"passes", "fixes", "fixes_and_guards"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict and the tests it rests on, sorted.

    `newly_failing` did not fail before. `lost` passed before and were not run, skipped or expected
    to fail afterwards. `unfixed` are the targets that `fixed` leaves.
    """

    verdict: Verdict
    fixed: tuple[str, ...] = ()
    unfixed: tuple[str, ...] = ()
    newly_failing: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing speaks against the patch."""
        return self.verdict in GOOD


def judge(
    before: Outcomes,
    after: Outcomes,
    *,
    targets: Collection[str] = (),
    flaky: Collection[str] = (),
    selection: Collection[str] | None = None,
    guards: Collection[str] = (),
) -> Judgement:
    """The verdict on a patch (CA-10).

    `targets` are the tests it has to fix, named as pytest takes them; without any it is every test
    that failed before. `flaky` tests say nothing either way. `selection` is what the run after the
    patch was asked for, None for everything. `guards` are new tests that fail without the patch and
    pass with it.
    """
    quiet = frozenset(flaky)
    was, now = _Tree(before), _Tree(after)
    names = sorted(set(targets) or set(failing(before)) - quiet)
    aims = [_Aim(name, was=was, now=now, flaky=quiet) for name in names]
    newly = tuple(test for test in _new_failures(before, after) if test not in quiet)
    lost = tuple(
        test
        for test in _losses(before, after, selection)
        if test not in quiet and not covered(test, by=newly)
    )
    fixed = tuple(aim.name for aim in aims if aim.is_fixed)
    return Judgement(
        verdict=_verdict(fixed, targets=targets, broken=newly + lost, guards=guards, after=after),
        fixed=fixed,
        unfixed=tuple(aim.name for aim in aims if not aim.is_fixed) if targets else (),
        newly_failing=newly,
        lost=lost,
        notes=tuple(note for aim in aims if (note := aim.note)) if targets else (),
    )


class _Tree:
    """Outcomes, to be asked by the name of a test, function, class or file."""

    def __init__(self, outcomes: Outcomes) -> None:
        self.outcomes = outcomes
        self._below: dict[str, list[str]] = defaultdict(list)
        for test in outcomes:
            for name in covering(test):
                self._below[name].append(test)

    def below(self, name: str) -> dict[str, Outcome]:
        """The outcomes that asking for this name gives."""
        return {test: self.outcomes[test] for test in self._below.get(name, ())}

    def failed(self, name: str) -> set[str]:
        """The failing outcomes that a name stands for: its tests, or the file they are in."""
        names = {*self._below.get(name, ()), *covering(name)}
        return {one for one in names if self.outcomes.get(one) in FAILING}


class _Aim:
    """One name that a patch should make pass."""

    def __init__(self, name: str, *, was: _Tree, now: _Tree, flaky: Collection[str]) -> None:
        self.name = name
        self._failed = was.failed(name) - set(flaky)
        self._now = now.below(name)
        self._is_flaky = name in flaky

    @property
    def is_fixed(self) -> bool:
        """Something failed before; nothing fails now, and what failed runs and passes.

        What is gone, skipped or expected to fail now is not fixed.
        """
        return (
            not self._is_flaky
            and bool(self._failed)
            and all(self._passes_now(test) for test in self._failed)
            and FAILING.isdisjoint(self._now.values())
            and not PASSING.isdisjoint(self._now.values())
        )

    @property
    def note(self) -> str:
        """What people may wonder about; mostly nothing."""
        if self._is_flaky:
            return f"{self.name} passes and fails without a change, so it says nothing"
        if not self._failed:
            return f"{self.name} did not fail at base"
        if not self._now:
            return f"{self.name} is gone after the patch, which is no fix"
        if not self.is_fixed and FAILING.isdisjoint(self._now.values()):
            return f"{self.name} is skipped or expected to fail after the patch, which is no fix"
        return ""

    def _passes_now(self, test: str) -> bool:
        """A file that could not be collected is replaced by its tests once it can. A test is
        replaced by nothing, not even by itself with parameters."""
        if test in self._now:
            return self._now[test] in PASSING
        return any(test in parents(found) for found in self._now)


def _verdict(
    fixed: Collection[str],
    *,
    targets: Collection[str],
    broken: Collection[str],
    guards: Collection[str],
    after: Outcomes,
) -> Verdict:
    if broken:
        return "breaks_tests"
    if fixed:
        return "fixes_and_guards" if guards else "fixes"
    if targets or not after:
        return "no_change_in_tests"
    return "passes"


def _new_failures(before: Outcomes, after: Outcomes) -> Iterator[str]:
    """A test in a file that could not even be collected before is no new failure."""
    already = set(failing(before))
    return (test for test in failing(after) if not covered(test, by=already))


def _losses(before: Outcomes, after: Outcomes, selection: Collection[str] | None) -> Iterator[str]:
    """Tests that guarded something and do not any more. Other parameters of the same function
    that pass are as good: parameters may come from the code that was changed."""
    replaced = {function_of(test) for test, outcome in after.items() if outcome in PASSING}
    for test, outcome in sorted(before.items()):
        if outcome not in PASSING or not (selection is None or covered(test, by=selection)):
            continue
        gone = test not in after and function_of(test) not in replaced
        if gone or after.get(test) in ("skipped", "xfailed"):
            yield test
