"""RP-2: a plan as a model answers it, and the rules that a schema cannot say."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from selfheal.contracts.document import Value
from selfheal.contracts.plan import Kind
from selfheal.edits.names import NAME_RULES
from selfheal.errors import InvalidAnswer
from selfheal.llm.form import read_form

MAX_STEPS = 30
"""More is a project, which wants several requests."""


class StepForm(Value):
    """One step as a model answers it."""

    goal: str = Field(min_length=1, description="what to do, in a sentence")
    kind: Kind
    path: str = Field(min_length=1, description="the file, relative to the repository")
    symbols: tuple[str, ...] = Field(description="names in that file, as Class.method")
    depends_on: tuple[int, ...] = Field(description="numbers of earlier steps, from 1")
    acceptance_criteria: tuple[str, ...] = Field(description="how to see that it is done")
    tests: tuple[str, ...] = Field(description="of the failing tests, those that it makes pass")


class PlanForm(Value):
    """A whole plan; without steps where nothing can be planned, and then the rationale says why."""

    steps: tuple[StepForm, ...]
    rationale: tuple[str, ...]


def read_plan(text: str, *, paths: frozenset[str], failing: frozenset[str]) -> PlanForm:
    """The plan in `text`; raises InvalidAnswer naming all that is wrong with it.

    `paths` are the files of the tree, `failing` the tests that fail in it.
    """
    form = read_form(PlanForm, text)
    if faults := [*_faults(form, paths), *_unknown_tests(form, failing)]:
        raise InvalidAnswer("rule", "; ".join(faults))
    return form


def _unknown_tests(form: PlanForm, failing: frozenset[str]) -> Iterator[str]:
    for number, step in enumerate(form.steps, 1):
        for test in sorted(set(step.tests) - failing):
            yield f"step {number}: {test!r} is none of the failing tests; name them as listed"


def _faults(form: PlanForm, paths: frozenset[str]) -> Iterator[str]:
    """What the schema cannot say."""
    if not form.steps and not form.rationale:
        yield "a plan without steps says in its rationale why"
    if len(form.steps) > MAX_STEPS:
        yield f"at most {MAX_STEPS} steps are taken, found {len(form.steps)}"
    folders = {path.rpartition("/")[0] for path in paths}
    for number, step in enumerate(form.steps, 1):
        if why := next((why for _, judge in NAME_RULES if (why := judge(step.path))), None):
            yield f"step {number}: path {step.path!r}: {why}"
        elif step.path in folders or step.path.endswith("/"):
            yield f"step {number}: path {step.path!r} is a folder; name a file"
        elif step.kind in ("EDIT", "REMOVE", "REFACTOR") and step.path not in paths:
            like = _like(step, paths)
            yield f"step {number}: there is no file {step.path!r} to {step.kind}{like}"
        for order in step.depends_on:
            if not 1 <= order < number:
                yield (
                    f"step {number}: depends_on names {order}, but only earlier steps "
                    f"(1 to {number - 1}) may be named: no cycles, nothing forward"
                )


def _like(step: StepForm, paths: frozenset[str]) -> str:
    name = step.path.rpartition("/")[2]
    same = sorted(path for path in paths if path.rpartition("/")[2] == name)
    return f"; there is {', '.join(same[:3])}" if same else ""
