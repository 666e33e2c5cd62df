"""The agents that plan and write code: how they go about it, and within which limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from selfheal.settings.section import Section


class PlanningSettings(Section):
    """The Request-Planner."""

    planner: Literal["auto", "evidence", "model"] = Field(
        default="auto",
        description="auto: from failing tests where they say it all, else by the model",
    )
    context_tokens: int = Field(
        default=8_000, ge=1_000, description="context that a model is shown of a ChangeRequest"
    )


class CodingSettings(Section):
    """The coding agent."""

    budget_seconds: float = Field(default=60.0, gt=0, description="search time per CodingTask")
    max_candidates: int = Field(default=4000, ge=1, description="validations per CodingTask")
    rerun_after_seconds: tuple[float, ...] = Field(
        default=(0.0, 90.0, 300.0),
        description="pauses before the reruns of what may succeed later; as many reruns as pauses",
    )
    coders: tuple[Literal["repair", "model"], ...] = Field(
        default=("repair", "model"),
        min_length=1,
        description="who drafts, in this order; model counts only where llm.base_url is set",
    )
    context_tokens: int = Field(
        default=12_000, ge=1_000, description="context that a model is shown of a CodingTask"
    )
    max_plans: int = Field(
        default=4, ge=1, le=20, description="plans per request, each on what the last one landed"
    )


class EvolutionSettings(Section):
    """The planning agent of `selfheal evolve`."""

    backend: Literal["codex", "openai"] = Field(
        default="codex", description="who plans: the Codex CLI, or the model endpoint"
    )
    global_goal: str = Field(default="", description="goal of a job that names none")
    max_attempts: int = Field(default=3, ge=1, le=10, description="tries for a plan, in all")
    timeout_seconds: float = Field(default=300.0, gt=0, description="longest try for a plan")
    schema_path: Path | None = Field(
        default=None, description="schema that codex is given; unset: that of PlanningAnswer"
    )
    codex_bin: str = Field(default="codex", min_length=1, description="the Codex CLI")
    codex_profile: str = Field(default="", description="its profile; empty: its own default")
    extra_env: dict[str, str] = Field(
        default={}, repr=False, description="variables for codex, beside the few that it inherits"
    )
    text_chars: int = Field(
        default=2_000, ge=100, description="longest text of a commit in the prompt"
    )
    list_entries: int = Field(default=20, ge=1, description="longest list of a commit there")
    inspirations: int = Field(
        default=3, ge=0, description="best commits that a plan may learn from"
    )
    best_by: str = Field(default="tests_passed", description="metric that says which are best")

    @field_validator("extra_env", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        return json.loads(value) if isinstance(value, str) else value
