"""CON-2 and CON-3: a Plan and its Steps."""

from __future__ import annotations

from typing import Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from selfheal.contracts.document import Document, Value

Kind = Literal["ADD", "EDIT", "REMOVE", "REFACTOR"]
SymbolKind = Literal["module", "class", "function", "method", "variable"]
Sha = str


class Symbol(Value):
    """A named thing in a file: what a lease is held on."""

    fq_name: str = Field(min_length=1, description="dotted: package.module.Class.method")
    kind: SymbolKind
    file_path: str = Field(min_length=1, description="relative to the repository")


class PlanWarning(Value):
    """Something the reader of a plan or bundle should know."""

    code: Literal[
        "UNRESOLVED_PATH",
        "PARTIAL_CONTEXT",
        "CYCLE_BROKEN",
        "LEASE_CONFLICT",
        "UNCOVERED_CRITERION",
        "UNPARSED_FILE",
        "UNEXPLAINED_FAILURE",
        "TOO_MANY_FAULTS",
        "UNRESOLVED_REFERENCE",
        "LEFT_ALONE",
        "MODEL_UNAVAILABLE",
    ]
    message: str
    path: str = ""


class Step(Value):
    """One thing to do; `depends_on` names earlier orders only."""

    order: int = Field(ge=1)
    goal: str = Field(min_length=1)
    kind: Kind
    path: str = Field(min_length=1, description="the file where the step mainly happens")
    hints: tuple[str, ...] = ()
    symbols: tuple[Symbol, ...] = ()
    depends_on: tuple[int, ...] = ()
    acceptance_criteria: tuple[str, ...] = ()
    test_ids: tuple[str, ...] = Field(default=(), description="failing tests this step is for")
    indivisible: bool = Field(default=False, description="its files make sense only together")

    @model_validator(mode="after")
    def _depends_backward(self) -> Self:
        if any(order >= self.order for order in self.depends_on):
            raise ValueError(f"step {self.order} may depend on earlier steps only")
        return self


class Plan(Document):
    """What is to be done for one ChangeRequest, at one commit."""

    id: UUID
    parent_request_id: UUID
    steps: tuple[Step, ...]
    rationale: tuple[str, ...] = ()
    reserved_lease_ids: tuple[UUID, ...] = ()
    affected_paths: tuple[str, ...] = ()
    wanted_tests: tuple[str, ...] = Field(
        default=(), description="tests that fail at base and are to pass in the end"
    )
    base_commit_sha: Sha
    spdx_tags: tuple[str, ...] = ()
    warnings: tuple[PlanWarning, ...] = ()
    planner: str = Field(description="which backend and model made it")

    @model_validator(mode="after")
    def _orders_count_up(self) -> Self:
        orders = [step.order for step in self.steps]
        if orders != list(range(1, len(orders) + 1)):
            raise ValueError("step orders must be 1..n in this order")
        return self
