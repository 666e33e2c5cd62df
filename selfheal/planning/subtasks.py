"""A model's cut of a goal: its form, what must hold of it, what leaves doubts about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from pydantic import Field

from selfheal.contracts.decomposition import SubTask
from selfheal.contracts.document import Value
from selfheal.errors import InvalidAnswer
from selfheal.llm.form import read_form
from selfheal.planning.roster import Roster


class Cut(Value):
    """The form of a model's answer."""

    plan: tuple[SubTask, ...]
    rationale: str = Field(min_length=1, max_length=10_000)
    confidence: float = Field(ge=0, le=1)


@dataclass(frozen=True)
class CutRules:
    """What must hold of a cut beyond its form (PA-4)."""

    roster: Roster
    fewest: int
    most: int

    def read(self, text: str) -> Cut:
        """The cut in `text`; raises InvalidAnswer naming everything that is wrong with it."""
        cut = read_form(Cut, text)
        if faults := [*self._faults(cut.plan)]:
            raise InvalidAnswer("rule", "; ".join(faults))
        return cut

    def doubts(self, plan: Sequence[SubTask]) -> tuple[str, ...]:
        """What is allowed but speaks against a plan, in words."""
        return (*self._unverified(plan), *_repeated(plan), *_unrelated(plan))

    @cached_property
    def verifiers(self) -> frozenset[str]:
        """The arms whose word counts as a check."""
        return frozenset(arm for arm, entry in self.roster.entries.items() if entry.verifies)

    def _faults(self, plan: Sequence[SubTask]) -> Iterator[str]:
        if not self.fewest <= len(plan) <= self.most:
            yield f"{self.fewest} to {self.most} SubTasks are wanted, there are {len(plan)}"
        steps = [task.step for task in plan]
        if twice := sorted({step for step in steps if steps.count(step) > 1}):
            yield f"step numbers stand there twice: {', '.join(map(str, twice))}"
        yield from _wrong_dependencies(plan)
        if plan and not any(task.required_arm in self.verifiers for task in plan):
            yield f"no SubTask verifies: one of {', '.join(sorted(self.verifiers))} must"

    def _unverified(self, plan: Sequence[SubTask]) -> Iterator[str]:
        """Changes that no later check builds on."""
        checked: set[int] = set()
        for task in reversed(plan):
            if task.step in checked or task.required_arm in self.verifiers:
                checked.update(task.depends_on)
            if task.required_arm == "coder" and task.step not in checked:
                yield f"nothing verifies step {task.step}"


def _wrong_dependencies(plan: Sequence[SubTask]) -> Iterator[str]:
    """A circle is named as a circle; any other dependency must be a step that stands before."""
    needs = {task.step: set(task.depends_on) for task in plan}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        yield f"steps depend on each other in a circle: {' -> '.join(map(str, error.args[1]))}"
        return
    before: set[int] = set()
    for task in plan:
        for needed in sorted(set(task.depends_on) - before):
            what = "stands after it" if needed in needs else "does not exist"
            yield f"step {task.step} depends on step {needed}, which {what}"
        before.add(task.step)


def _repeated(plan: Sequence[SubTask]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for task in plan:
        action = " ".join(task.action.lower().split())
        if action in seen:
            yield f"step {task.step} says the same as step {seen[action]}"
        seen.setdefault(action, task.step)


def _unrelated(plan: Sequence[SubTask]) -> Iterator[str]:
    if len(plan) > 1 and not any(task.depends_on for task in plan):
        yield "no step depends on another one"
