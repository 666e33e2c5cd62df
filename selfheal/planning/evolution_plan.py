"""EV-5: a Plan from a PlanningPlan, so that the same code planner and farm carry it out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from uuid import UUID

from selfheal.codegraph.source import is_python, module_name
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.evolution import PlanningPlan, PlanStep
from selfheal.contracts.plan import Plan, PlanWarning, Step, Symbol


def plan_from_evolution(
    request: ChangeRequest,
    evolution: PlanningPlan,
    *,
    plan_id: UUID,
    base_sha: str,
    paths: Collection[str],
    failing: Sequence[str],
) -> Plan:
    """The Plan: one Step per file of each PlanStep, after all Steps of what that depends on.

    A PlanStep without files has no Step; what depends on it depends on what it depended on. `paths`
    are the files and `failing` the failing tests at base. The same input gives the same plan; one
    without steps says in its warnings why.
    """
    steps = _steps(evolution, known=frozenset(paths), failing=failing)
    return Plan(
        id=plan_id,
        parent_request_id=request.id,
        steps=steps,
        rationale=tuple(_rationale(evolution)) if steps else (),
        affected_paths=tuple(sorted({step.path for step in steps})),
        base_commit_sha=base_sha,
        spdx_tags=request.spdx_tags,
        warnings=tuple(_warnings(evolution)),
        planner="evolution: a PlanningPlan that came with the request",
    )


def _steps(
    evolution: PlanningPlan, *, known: frozenset[str], failing: Sequence[str]
) -> tuple[Step, ...]:
    steps: list[Step] = []
    orders: dict[str, tuple[int, ...]] = {}
    for planned in evolution.in_order:
        before = _orders_of(planned.dependencies, orders)
        own = _steps_of(planned, len(steps) + 1, before=before, known=known)
        steps += _judged(own, _named(planned, failing))
        orders[planned.step_id] = tuple(step.order for step in own) or before
    return tuple(steps)


def _steps_of(
    planned: PlanStep, first: int, *, before: tuple[int, ...], known: frozenset[str]
) -> list[Step]:
    """A Step for each of its files; they do not wait for each other."""
    return [
        Step(
            order=order,
            goal=_goal(planned),
            kind="EDIT" if path in known else "ADD",
            path=path,
            hints=(
                *(f"risk: {risk}" for risk in planned.risks),
                *(f"see {reference}" for reference in planned.references),
            ),
            symbols=_symbols(path),
            depends_on=before,
            acceptance_criteria=planned.validation,
        )
        for order, path in enumerate(dict.fromkeys(planned.files), first)
    ]


def _goal(planned: PlanStep) -> str:
    """All that whoever does it is told: of a Step, no more than its goal reaches a coder."""
    said = f"{planned.title}: {planned.intent}" if planned.intent else planned.title
    return "\n".join((said, *(f"- {action}" for action in planned.actions)))


def _judged(own: list[Step], tests: tuple[str, ...]) -> list[Step]:
    """Tests pass only when all of a PlanStep is done: its last Step waits for the others."""
    if not own or not tests:
        return own
    *others, last = own
    waits_for = (*last.depends_on, *(step.order for step in others))
    return [*others, last.model_copy(update={"depends_on": waits_for, "test_ids": tests})]


def _symbols(path: str) -> tuple[Symbol, ...]:
    """What is reserved: the whole file, because the plan does not say which part of it changes."""
    if not is_python(path):
        return ()
    return (Symbol(fq_name=module_name(path), kind="module", file_path=path),)


def _orders_of(
    dependencies: Sequence[str], orders: Mapping[str, tuple[int, ...]]
) -> tuple[int, ...]:
    return tuple(sorted({order for step_id in dependencies for order in orders[step_id]}))


def _named(planned: PlanStep, failing: Sequence[str]) -> tuple[str, ...]:
    """The failing tests that its words name, each by its id or by its whole file."""
    words = "\n".join((planned.title, planned.intent, *planned.actions, *planned.validation))
    return tuple(
        test
        for test in failing
        if _stands_in(words, test) or _stands_in(words, test.partition("::")[0])
    )


def _stands_in(words: str, name: str) -> bool:
    """Whether the name is there as a whole: no longer path, no other test, no test of the file."""
    return re.search(rf"(?<![\w./]){re.escape(name)}(?!\w|::|\[)", words) is not None


def _rationale(evolution: PlanningPlan) -> Iterator[str]:
    yield evolution.summary
    if evolution.rationale:
        yield evolution.rationale
    for what, texts in (
        ("metric", evolution.focus_metrics),
        ("guardrail", evolution.guardrails),
        ("risk", evolution.risks),
        ("validation", evolution.validation),
        ("note", evolution.handoff_notes),
    ):
        yield from (f"{what}: {text}" for text in texts)
    if evolution.fallback_plan:
        yield f"if it fails: {evolution.fallback_plan}"


def _warnings(evolution: PlanningPlan) -> Iterator[PlanWarning]:
    for planned in evolution.steps:
        if not planned.files:
            message = (
                f"step {planned.step_id} ({planned.title}) names no file: nothing is done for it"
            )
            yield PlanWarning(code="LEFT_ALONE", message=message)
