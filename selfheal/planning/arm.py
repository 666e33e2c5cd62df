"""The Planner Arm: a goal becomes SubTasks for arms, by a model or by rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from pydantic import JsonValue, ValidationError

from selfheal.contracts.decomposition import PlanRequest, PlanResponse, SubTask
from selfheal.contracts.document import refusal
from selfheal.llm.conversation import Heard, ask_until_read
from selfheal.llm.form import strict_schema
from selfheal.llm.model import Message, Model, Question
from selfheal.llm.patient import Patient
from selfheal.llm.prompt import load_prompt
from selfheal.llm.untrusted import untrusted
from selfheal.planning.arm_settings import PlannerSettings
from selfheal.planning.offline_subtasks import CONFIDENCE, RATIONALE, offline_subtasks
from selfheal.planning.roster import Roster
from selfheal.planning.subtask_figures import complexity, longest_way
from selfheal.planning.subtasks import Cut, CutRules
from selfheal.planning.track import Track

ModelFor = Callable[[UUID | None], Model]
"""The model that answers on behalf of a ChangeRequest, and of nobody in particular for None."""

LOST_BY_FAULT, LOST_BY_DOUBT = 0.15, 0.1
"""What an answer that had to be sent back, and what a doubt takes from the confidence at most."""

OFFLINE = "offline rules"


class PlannerArm:
    """Cuts goals into SubTasks. One serves any number of threads."""

    def __init__(
        self,
        settings: PlannerSettings,
        roster: Roster,
        *,
        model_for: ModelFor | None = None,
        first_pause: float = 0.5,
    ) -> None:
        self.settings = settings
        self.roster = roster
        self.track = Track()
        self._model_for = model_for
        self._first_pause = first_pause
        self._rules = CutRules(roster, fewest=settings.min_plan_steps, most=settings.max_plan_steps)

    @property
    def planner(self) -> str:
        """Who plans: the model's name, or the rules."""
        return self.settings.llm_model or "gateway" if self._model_for else OFFLINE

    def generate_plan(
        self,
        goal: str,
        constraints: Sequence[str] = (),
        context: Mapping[str, JsonValue] | None = None,
        *,
        request_id: UUID | None = None,
    ) -> PlanResponse:
        """The plan of a goal; without a model it comes from rules, and says so.

        Raises InvalidRequest naming the field; with a model InvalidAnswer when none of its answers
        can be used, ModelUnavailable, BudgetSpent.
        """
        try:
            request = PlanRequest(
                goal=goal,
                constraints=tuple(constraints),
                context=dict(context or {}),
                request_id=request_id,
            )
        except ValidationError as error:
            raise refusal(error) from error
        return self.answer(request)

    def answer(self, request: PlanRequest) -> PlanResponse:
        """As `generate_plan`, for a request that has been read already."""
        with self.track.measured():
            return self._answer(request)

    def _answer(self, request: PlanRequest) -> PlanResponse:
        if self._model_for is None:
            made = offline_subtasks(request.goal, request.constraints, self.roster)
            return self._response(made, rationale=RATIONALE, confidence=CONFIDENCE)
        heard = self._ask(self._model_for(request.request_id), request)
        doubts = self._rules.doubts(heard.value.plan)
        return self._response(
            heard.value.plan,
            rationale=" ".join((heard.value.rationale, *(f"Doubt: {one}." for one in doubts))),
            confidence=_bounded(heard, doubts),
        )

    def _ask(self, model: Model, request: PlanRequest) -> Heard[Cut]:
        patient = Patient(
            model, seconds=self.settings.timeout_seconds, first_pause=self._first_pause
        )
        return ask_until_read(patient, self._question(request), self._rules.read)

    def _question(self, request: PlanRequest) -> Question:
        prompt = load_prompt("decompose")
        rules = prompt.render(
            arms=self.roster.described(),
            fewest=self._rules.fewest,
            most=self._rules.most,
            verifiers=" or ".join(sorted(self._rules.verifiers)),
            schema=json.dumps(strict_schema(Cut)),
        )
        return Question(
            purpose="decompose",
            messages=(Message("system", rules), Message("user", _told(request))),
            prompt=prompt.name,
            form=Cut,
            temperature=self.settings.planning_temperature,
            max_tokens=self.settings.max_tokens,
        )

    def _response(
        self, plan: tuple[SubTask, ...], *, rationale: str, confidence: float
    ) -> PlanResponse:
        return PlanResponse(
            plan=plan,
            rationale=rationale,
            confidence=confidence,
            total_estimated_duration=longest_way(plan),
            complexity_score=complexity(plan, most=self._rules.most),
        )


def _bounded(heard: Heard[Cut], doubts: Sequence[str]) -> float:
    """What the model believes, but no more than what the validation saw allows."""
    most = 1 - LOST_BY_FAULT * len(heard.faults) - LOST_BY_DOUBT * len(doubts)
    return round(max(0.0, min(heard.value.confidence, most)), 2)


def _told(request: PlanRequest) -> str:
    """The request as JSON, in a fence that it cannot close."""
    wanted = request.model_dump(mode="json", include={"goal", "constraints", "context"})
    return untrusted(json.dumps(wanted, ensure_ascii=False), "request")
