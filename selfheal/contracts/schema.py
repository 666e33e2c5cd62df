"""JSON Schemas of the documents, by name."""

from __future__ import annotations

from pydantic import JsonValue

from selfheal.contracts.bundle import TaskBundle
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.commit_result import CommitResult
from selfheal.contracts.document import Document
from selfheal.contracts.plan import Plan
from selfheal.contracts.run_report import RunReport

DOCUMENTS: dict[str, type[Document]] = {
    document.__name__: document
    for document in (ChangeRequest, Plan, TaskBundle, CommitResult, RunReport)
}


def schema_of(name: str) -> dict[str, JsonValue]:
    """The JSON Schema (draft 2020-12) of the document called `name`; KeyError if there is none."""
    return DOCUMENTS[name].model_json_schema(mode="validation")
