"""CON-4 and CON-5: CodingTasks and the TaskBundle that holds them."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from selfheal.contracts.document import Document, Value
from selfheal.contracts.plan import Kind, PlanWarning, Sha, Symbol

Complexity = Literal["trivial", "moderate", "complex"]


class CodingTask(Value):
    """One small change that one attempt makes on one branch."""

    id: UUID
    parent_plan_id: UUID
    step_number: int = Field(ge=1)
    goal: str
    kind: Kind
    paths: tuple[str, ...]
    blob_ids: tuple[str, ...] = Field(default=(), description="prefetched chunks")
    depends_on: tuple[UUID, ...] = ()
    skeleton_patch: tuple[str, ...] = Field(
        default=(), description="unified diffs of what is added or dropped, to be filled in"
    )
    complexity_label: Complexity = "trivial"
    complexity_score: float = Field(default=0.0, ge=0, le=1)
    estimated_tokens: int = Field(default=0, ge=0, description="of its goal and its files")
    base_commit_sha: Sha
    reserved_lease_ids: tuple[UUID, ...] = ()
    symbols: tuple[Symbol, ...] = ()
    failing_tests: tuple[str, ...] = Field(default=(), description="tests this task is to fix")
    test_ids: tuple[str, ...] = Field(default=(), description="tests that reach the symbols")
    partial_context: bool = False
    spdx_tags: tuple[str, ...] = ()
    acceptance_criteria: tuple[str, ...] = ()


class TaskBundle(Document):
    """The CodingTasks of one Plan with their dependency graph."""

    plan_id: UUID
    tasks: tuple[CodingTask, ...]
    force_sequential: bool = False
    warnings: tuple[PlanWarning, ...] = ()
    base_commit_sha: Sha

    @model_validator(mode="after")
    def _is_closed(self) -> Self:
        known: set[UUID] = {task.id for task in self.tasks}
        for task in self.tasks:
            missing = set(task.depends_on) - known
            if missing:
                raise ValueError(f"task {task.id} depends on {missing}, not in this bundle")
        return self

    @model_validator(mode="after")
    def _has_no_cycle(self) -> Self:
        graph = TopologicalSorter({task.id: task.depends_on for task in self.tasks})
        try:
            graph.prepare()
        except CycleError as error:
            way = " -> ".join(map(str, reversed(error.args[1])))
            raise ValueError(f"tasks depend on each other in a cycle: {way}") from error
        return self
