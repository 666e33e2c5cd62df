"""CON-9: what the Planning Agent is asked with, and the plan that it gives back."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import Any, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from selfheal.contracts.document import Document, Value


class CommitMetric(Value):
    """One figure that was measured at a commit."""

    name: str = Field(min_length=1)
    value: float
    unit: str = ""
    higher_is_better: bool = True
    summary: str = Field(default="", description="what the figure means, in words")


class CommitPlanningContext(Value):
    """What is known of one commit."""

    commit_hash: str = Field(min_length=1)
    summary: str = ""
    highlights: tuple[str, ...] = ()
    evaluation_summary: str = ""
    metrics: tuple[CommitMetric, ...] = ()
    extra_context: dict[str, JsonValue] = Field(default_factory=dict)


class PlanningAgentRequest(Document):
    """What a plan is wanted for: the commit to go on from, and commits that did well."""

    base: CommitPlanningContext
    inspirations: tuple[CommitPlanningContext, ...] = ()
    goal: str = Field(min_length=1)
    constraints: tuple[str, ...] = ()
    acceptance_criteria: tuple[str, ...] = ()
    iteration_hint: str = ""
    cold_start: bool = Field(default=False, description="the first iteration: nothing to learn of")


class PlanStep(Value):
    """One step of a PlanningPlan; `dependencies` are ids of other steps."""

    step_id: str = Field(min_length=1)
    title: str = Field(min_length=1)
    intent: str
    actions: tuple[str, ...] = ()
    files: tuple[str, ...] = Field(default=(), description="relative to the repository")
    dependencies: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    references: tuple[str, ...] = ()

    @field_validator("files")
    @classmethod
    def _stay_inside(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_inside, files))

    def as_dict(self) -> dict[str, Any]:
        """The same as plain JSON values: tuples are lists."""
        return self.model_dump(mode="json")


class PlanningPlan(Document):
    """How the goal is to be reached. Steps name each other by id, without a cycle."""

    summary: str = Field(min_length=1)
    rationale: str = ""
    focus_metrics: tuple[str, ...] = ()
    guardrails: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    steps: tuple[PlanStep, ...]
    handoff_notes: tuple[str, ...] = ()
    fallback_plan: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The same as plain JSON values: tuples are lists; the version is left out."""
        return self.model_dump(mode="json", exclude={"schema_version"})

    @property
    def in_order(self) -> tuple[PlanStep, ...]:
        """The steps with each one after those that it depends on, else as they are listed."""
        by_id = {step.step_id: step for step in self.steps}
        done: dict[str, PlanStep] = {}
        while len(done) < len(by_id):
            free = (one for one in self.steps if one.step_id not in done)
            step = next(one for one in free if done.keys() >= set(one.dependencies))
            done[step.step_id] = step
        return tuple(done.values())

    @model_validator(mode="after")
    def _is_closed(self) -> Self:
        known = [step.step_id for step in self.steps]
        if twice := {one for one in known if known.count(one) > 1}:
            raise ValueError(f"step_id must be unique, found twice: {', '.join(sorted(twice))}")
        for step in self.steps:
            if missing := sorted(set(step.dependencies) - set(known)):
                raise ValueError(
                    f"step {step.step_id} depends on {', '.join(missing)}, which is no step"
                )
        return self

    @model_validator(mode="after")
    def _has_no_cycle(self) -> Self:
        graph = TopologicalSorter({step.step_id: step.dependencies for step in self.steps})
        try:
            graph.prepare()
        except CycleError as error:
            way = " -> ".join(reversed(error.args[1]))
            raise ValueError(f"steps depend on each other in a cycle: {way}") from error
        return self


class PlanningAgentResponse(Document):
    """The plan, and how it came about. `command` is empty where no program was run."""

    plan: PlanningPlan
    raw_output: str
    prompt: str
    command: tuple[str, ...] = ()
    stderr: str = ""
    attempts: int = Field(ge=1)
    duration_seconds: float = Field(ge=0)


def _inside(path: str) -> str:
    """The path in its shortest form; raises ValueError where it leaves the repository."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    plain = path.isprintable() and "\\" not in path and not path.startswith(("/", "-"))
    if not plain or not parts or {"..", ".git"} & {part.lower() for part in parts}:
        raise ValueError(
            f"expected a path relative to the repository and inside it, found {path!r}"
        )
    return "/".join(parts)
