"""CON-8: a goal, the SubTasks that it is cut into, and what the Planner Arm says of itself."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args
from uuid import UUID

from pydantic import AwareDatetime, Field, JsonValue, model_validator

from selfheal.contracts.commit_result import Status
from selfheal.contracts.document import Document, Value

Arm = Literal["planner", "retriever", "coder", "executor", "judge", "guardian"]
ARMS: tuple[Arm, ...] = get_args(Arm)

Line = Annotated[str, Field(min_length=1, max_length=2_000)]
"""A sentence or two: what is to be done, or when it is done."""


MOST_BYTES = 200_000
"""A model reads no more than this of a request."""


class PlanRequest(Document):
    """A goal that is to be cut into SubTasks."""

    goal: str = Field(
        min_length=1, max_length=20_000, pattern=r"\S", description="what is wanted, in words"
    )
    constraints: tuple[Line, ...] = Field(default=(), max_length=50)
    context: dict[str, JsonValue] = Field(default_factory=dict, description="what may help")
    request_id: UUID | None = Field(
        default=None, description="the ChangeRequest on whose behalf and budget it is asked"
    )

    @model_validator(mode="after")
    def _fits_into_a_prompt(self) -> Self:
        size = len(self.model_dump_json().encode())
        if size > MOST_BYTES:
            raise ValueError(f"at most {MOST_BYTES:,} bytes of JSON are accepted, found {size:,}")
        return self


class SubTask(Value):
    """One thing that one arm does. `action` is for reading: nothing ever runs it."""

    step: int = Field(ge=1, description="its number in the plan")
    action: Line = Field(description="what is to be done, in words")
    required_arm: Arm
    acceptance_criteria: tuple[Line, ...] = Field(min_length=1, max_length=20)
    depends_on: tuple[int, ...] = Field(default=(), description="steps before it that it waits for")
    estimated_cost_tier: int = Field(ge=1, le=5, description="1 costs next to nothing")
    estimated_duration_seconds: int = Field(ge=1, le=86_400)


class PlanResponse(Document):
    """The SubTasks of a goal, in an order in which they could be done one by one."""

    plan: tuple[SubTask, ...] = Field(min_length=1)
    rationale: str = Field(min_length=1, description="why it was cut so, and by whom")
    confidence: float = Field(ge=0, le=1)
    total_estimated_duration: int = Field(
        ge=1, description="seconds of the longest way through the dependencies"
    )
    complexity_score: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _depends_backward(self) -> Self:
        before: set[int] = set()
        for task in self.plan:
            if task.step in before:
                raise ValueError(f"step {task.step} stands there twice")
            if ahead := set(task.depends_on) - before:
                raise ValueError(f"step {task.step} depends on {min(ahead)}, not a step before it")
            before.add(task.step)
        return self


class SubTaskResult(Value):
    """What a SubTask came to. SOFT_FAIL may succeed when it is done again, HARD_FAIL will not."""

    step: int = Field(ge=1)
    arm: Arm
    status: Status
    summary: str = Field(min_length=1, description="what came of it, in a sentence")
    findings: tuple[str, ...] = Field(default=(), description="one line each, most important first")
    next_step: str = ""
    change_request_id: UUID | None = Field(
        default=None, description="the ChangeRequest that a coder's SubTask ran as"
    )
    landed_branch: str = ""
    landed_sha: str = ""


class HealthResponse(Document):
    """That the Planner Arm lives."""

    status: Literal["ok"]
    version: str
    model: str = Field(description="who plans: a model's name, or the offline rules")
    timestamp: AwareDatetime


class CapabilitiesResponse(Document):
    """What an arm can do, and how it has done so far."""

    arm_id: Arm
    capabilities: tuple[str, ...]
    cost_tier: int = Field(ge=1, le=5)
    average_latency_ms: float | None = Field(
        default=None, ge=0, description="measured since the process began; null before the first"
    )
    success_rate: float | None = Field(
        default=None, ge=0, le=1, description="measured likewise: plans out of goals"
    )
