"""JSON Schemas by name: of the documents, and of what people or models write by hand."""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue, TypeAdapter

from selfheal.contracts.bundle import TaskBundle
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.commit_result import CommitResult
from selfheal.contracts.decomposition import (
    CapabilitiesResponse,
    HealthResponse,
    PlanRequest,
    PlanResponse,
)
from selfheal.contracts.document import Document
from selfheal.contracts.evolution import (
    PlanningAgentRequest,
    PlanningAgentResponse,
    PlanningPlan,
)
from selfheal.contracts.plan import Plan
from selfheal.contracts.planning_answer import PLANNING_OUTPUT_SCHEMA
from selfheal.contracts.recipe import RECIPE
from selfheal.contracts.run_report import RunReport

DOCUMENTS: dict[str, type[Document]] = {
    document.__name__: document
    for document in (
        *(ChangeRequest, Plan, TaskBundle, CommitResult, RunReport),
        *(PlanRequest, PlanResponse, HealthResponse, CapabilitiesResponse),
        *(PlanningAgentRequest, PlanningPlan, PlanningAgentResponse),
    )
}

PARTS: dict[str, TypeAdapter[Any]] = {"Recipe": RECIPE}
"""What stands inside of a document where its schema says only JSON."""

ANSWERS: dict[str, dict[str, Any]] = {"PlanningAnswer": PLANNING_OUTPUT_SCHEMA}
"""What models are asked for, by the schema that they are given."""

NAMES = (*DOCUMENTS, *PARTS, *ANSWERS)


def schema_of(name: str) -> dict[str, JsonValue]:
    """The JSON Schema (draft 2020-12) of what is called `name`; KeyError if there is none."""
    if name in PARTS:
        return PARTS[name].json_schema(mode="validation")
    if name in ANSWERS:
        return ANSWERS[name]
    return DOCUMENTS[name].model_json_schema(mode="validation")
