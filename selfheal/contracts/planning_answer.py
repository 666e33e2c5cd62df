"""CON-9: the answer that a model gives to the Planning Agent, as a schema and as a form.

The schema is written out, because programs are given it as a file; that it is the form's own is
held by a test. Strict endpoints want every object closed and every property required.
"""

from __future__ import annotations

from typing import Any

from selfheal.contracts.document import Value
from selfheal.contracts.evolution import PlanningPlan


class PlanStepAnswer(Value):
    """One step, as a model writes it: nothing is left out, what does not apply is empty."""

    step_id: str
    title: str
    intent: str
    actions: tuple[str, ...]
    files: tuple[str, ...]
    dependencies: tuple[str, ...]
    validation: tuple[str, ...]
    risks: tuple[str, ...]
    references: tuple[str, ...]


class PlanningAnswer(Value):
    """A whole answer."""

    plan_summary: str
    rationale: str
    focus_metrics: tuple[str, ...]
    guardrails: tuple[str, ...]
    risks: tuple[str, ...]
    validation: tuple[str, ...]
    steps: tuple[PlanStepAnswer, ...]
    handoff_notes: tuple[str, ...]
    fallback_plan: str | None

    def plan(self) -> PlanningPlan:
        """The plan it means; raises pydantic.ValidationError for one that cannot be."""
        fields = self.model_dump()
        return PlanningPlan.model_validate({"summary": fields.pop("plan_summary"), **fields})


def _closed(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list_of(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TEXT: dict[str, Any] = {"type": "string"}

PLANNING_OUTPUT_SCHEMA: dict[str, Any] = _closed(
    plan_summary=_TEXT,
    rationale=_TEXT,
    focus_metrics=_list_of(_TEXT),
    guardrails=_list_of(_TEXT),
    risks=_list_of(_TEXT),
    validation=_list_of(_TEXT),
    steps=_list_of(
        _closed(
            step_id=_TEXT,
            title=_TEXT,
            intent=_TEXT,
            actions=_list_of(_TEXT),
            files=_list_of(_TEXT),
            dependencies=_list_of(_TEXT),
            validation=_list_of(_TEXT),
            risks=_list_of(_TEXT),
            references=_list_of(_TEXT),
        )
    ),
    handoff_notes=_list_of(_TEXT),
    fallback_plan={"anyOf": [_TEXT, {"type": "null"}]},
)
"""The JSON schema of the answer: `codex exec --output-schema` is given this."""
