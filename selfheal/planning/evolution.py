"""The Planning Agent: what is known of commits in, a PlanningPlan out (EV-1 to EV-4)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import structlog
from pydantic import ValidationError

from selfheal.contracts.evolution import (
    PlanningAgentRequest,
    PlanningAgentResponse,
    PlanningPlan,
)
from selfheal.contracts.planning_answer import PlanningAnswer
from selfheal.errors import InvalidAnswer, PlanningError, TimedOut
from selfheal.llm.form import read_form
from selfheal.planning.backends.backend import Ask, Backend, Check, Fault
from selfheal.planning.evolution_prompt import Bounds, render
from selfheal.settings import EvolutionSettings
from selfheal.workspace.repository import find_work_tree

Progress = Callable[[str], object]


class PlanningAgent:
    """Asks its backend until a plan can be read, as often as the settings allow.

    `progress` is told in a sentence what happens; `check` is called while the backend is waited
    for, and what it raises ends the planning.
    """

    def __init__(
        self,
        backend: Backend,
        chosen: EvolutionSettings,
        *,
        progress: Progress = lambda _: None,
        check: Check = lambda: None,
    ) -> None:
        self._backend = backend
        self._tries = chosen.max_attempts
        self._bounds = Bounds(text_chars=chosen.text_chars, list_entries=chosen.list_entries)
        self._progress = progress
        self._check = check

    def plan(
        self, request: PlanningAgentRequest, *, working_dir: Path | str
    ) -> PlanningAgentResponse:
        """The plan for this request, made in the checkout that `working_dir` is in.

        Raises InvalidRepository before anything is run, PlanningError naming what each try came to
        when none gave a plan, and what says that no further try can help.
        """
        began = time.monotonic()
        folder = Path(working_dir).absolute()
        find_work_tree(folder)
        prompt = render(request, self._bounds)
        faults: list[Fault] = []
        while len(faults) < self._tries:
            said, number = "", len(faults) + 1
            self._progress(f"{self._backend.name} plans, try {number} of {self._tries}")
            ask = Ask(prompt=prompt, working_dir=folder, faults=tuple(faults), check=self._check)
            try:
                reply = self._backend.ask(ask)
                said = reply.text
                plan = read_plan(said)
            except (InvalidAnswer, TimedOut) as error:
                faults.append(self._noted(said, error, number))
                continue
            self._progress(f"{len(plan.steps)} steps: {plan.summary}")
            return PlanningAgentResponse(
                plan=plan,
                raw_output=said,
                prompt=prompt.text,
                command=reply.command,
                stderr=reply.stderr,
                attempts=number,
                duration_seconds=time.monotonic() - began,
            )
        tried = "; ".join(f"{number}: {fault.why}" for number, fault in enumerate(faults, 1))
        raise PlanningError(self._backend.name, tried)

    def _noted(self, said: str, error: InvalidAnswer | TimedOut, number: int) -> Fault:
        why = error.why if isinstance(error, InvalidAnswer) else str(error)
        structlog.get_logger().warning(
            f"Try {number} of {self._tries} gave no plan: {why}",
            action="evolution.no_plan",
            backend=self._backend.name,
        )
        return Fault(said, why)


def read_plan(text: str) -> PlanningPlan:
    """The plan in an answer; raises InvalidAnswer as a model can use it."""
    answer = read_form(PlanningAnswer, text)
    try:
        plan = answer.plan()
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'steps'}: {one['msg']}" for one in error.errors()
        )
        raise InvalidAnswer("rule", told) from error
    if not any(step.files for step in plan.steps):
        raise InvalidAnswer("rule", "steps: at least one step must name the files it changes")
    return plan
