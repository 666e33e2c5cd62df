"""RP-2 and RP-3: a Plan by a model, held to its rules, and checked against what was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from selfheal.codegraph.source import SourceTree
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.plan import Plan, PlanWarning, Step
from selfheal.llm.conversation import Heard, ask_until_read
from selfheal.llm.model import Message, Model, Question
from selfheal.llm.packing import Piece, pack
from selfheal.llm.prompt import load_prompt
from selfheal.llm.untrusted import untrusted
from selfheal.planning.plan_form import MAX_STEPS, PlanForm, read_plan
from selfheal.planning.steps import step_of
from selfheal.repair.faults import Fault

_WORD = re.compile(r"\w{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What there is to plan: the request, the tree at its base, the evidence, context for a prompt.

    `wanted` are the tests that fail, `faults` independent groups of them with who is suspected.
    `shown_by_tests`: all of them are to pass. Otherwise those that the model gives to its steps.
    """

    request: ChangeRequest
    tree: SourceTree
    base_sha: str
    wanted: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    shown_by_tests: bool = False
    pieces: tuple[Piece, ...] = ()
    context_tokens: int = 8_000


def plan_by_model(matter: Matter, model: Model, *, plan_id: UUID) -> Heard[Plan]:
    """The model's Plan; one without steps says in its rationale why there is nothing to plan.

    An answer against the rules goes back with what is wrong, twice. Raises InvalidAnswer naming
    every fault after that, and what `model.ask` raises.
    """
    question = Question(
        purpose="plan", messages=_messages(matter), prompt=load_prompt("plan").name, form=PlanForm
    )
    paths = frozenset(matter.tree.paths())
    read = partial(read_plan, paths=paths, failing=frozenset(matter.wanted))
    heard = ask_until_read(model, question, read)
    return Heard(_plan(matter, heard, plan_id=plan_id), heard.answer, heard.faults)


def _messages(matter: Matter) -> tuple[Message, ...]:
    request = matter.request
    packed = pack(matter.pieces, tokens=matter.context_tokens)
    asked = load_prompt("plan_task").render(
        description=untrusted(request.description, "request"),
        criteria=untrusted(_lines(request.acceptance_criteria), "criteria"),
        constraints=untrusted(_lines(request.constraints), "constraints"),
        paths=_lines(request.affected_paths),
        tests=_lines(matter.wanted),
        context="\n\n".join(
            f"{piece.title}:\n{untrusted(piece.text, piece.title)}" for piece in packed
        ),
    )
    return (Message("system", load_prompt("plan").render(most=MAX_STEPS)), Message("user", asked))


def _lines(texts: Sequence[str]) -> str:
    return "\n".join(f"- {text}" for text in texts) or "(none)"


def _plan(matter: Matter, heard: Heard[PlanForm], *, plan_id: UUID) -> Plan:
    request, form = matter.request, heard.value
    made = [step_of(order, step, matter.tree) for order, step in enumerate(form.steps, 1)]
    steps = _with_all_tests([step for step, _ in made], matter)
    warnings = (*(one for _, found in made for one in found), *_uncovered(request, steps))
    return Plan(
        id=plan_id,
        parent_request_id=request.id,
        steps=steps,
        rationale=form.rationale,
        affected_paths=tuple(sorted({step.path for step in steps})),
        wanted_tests=tuple(sorted({test for step in steps for test in step.test_ids})),
        base_commit_sha=matter.base_sha,
        spdx_tags=request.spdx_tags,
        warnings=warnings,
        planner=f"model {heard.answer.model} ({load_prompt('plan').name})",
    )


def _with_all_tests(steps: Sequence[Step], matter: Matter) -> tuple[Step, ...]:
    """Where all failing tests are to pass, those that the model gave to no step get one.

    It is the last step in a file that they point to, else the last: what it depends on is in its
    base by then. Elsewhere they are left as they are: other reasons may make them fail.
    """
    tests = {step.order: set(step.test_ids) for step in steps}
    given = {test for step in steps for test in step.test_ids}
    for fault in _groups(matter) if steps and matter.shown_by_tests else ():
        paths = {suspect.path for suspect in fault.suspects}
        about = [step.order for step in steps if step.path in paths]
        tests[max(about, default=len(steps))] |= set(fault.failing) - given
    return tuple(
        step.model_copy(update={"test_ids": tuple(sorted(tests[step.order]))}) for step in steps
    )


def _groups(matter: Matter) -> Iterator[Fault]:
    """The faults, and the tests that none of them explains as one more."""
    yield from matter.faults
    explained = {test for fault in matter.faults for test in fault.failing}
    if rest := tuple(test for test in matter.wanted if test not in explained):
        yield Fault(failing=rest, suspects=())


def _uncovered(request: ChangeRequest, steps: Sequence[Step]) -> Iterator[PlanWarning]:
    """RP-3: what was asked for and no step speaks of."""
    said = [set(_words(_said(step))) for step in steps]
    for criterion in request.acceptance_criteria:
        wanted = set(_words(criterion))
        if wanted and not any(2 * len(wanted & words) >= len(wanted) for words in said):
            message = f"no step speaks of the acceptance criterion {criterion!r}"
            yield PlanWarning(code="UNCOVERED_CRITERION", message=message)
    for path in request.affected_paths:
        if all(step.path != path for step in steps):
            message = f"no step touches {path}, which the request names"
            yield PlanWarning(code="UNCOVERED_CRITERION", message=message, path=path)


def _said(step: Step) -> str:
    return " ".join((step.goal, step.path, *step.acceptance_criteria))


def _words(text: str) -> Iterator[str]:
    return (word.casefold() for word in _WORD.findall(text))
