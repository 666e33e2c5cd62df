"""CON-6: what one CodingTask ended with."""

from __future__ import annotations

from typing import Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from selfheal.contracts.document import Document, Value

Status = Literal["SUCCESS", "SOFT_FAIL", "HARD_FAIL"]
Verdict = Literal[
    "none",
    "refused",
    "does_not_apply",
    "breaks_tests",
    "no_change_in_tests",
    "passes",
    "fixes",
    "fixes_and_guards",
]


class DiffStat(Value):
    """Size of a change in files and lines."""

    files: int = Field(default=0, ge=0)
    added: int = Field(default=0, ge=0)
    removed: int = Field(default=0, ge=0)


class CommitResult(Document):
    """SOFT_FAIL: a rerun may succeed. HARD_FAIL: it will not without a new plan."""

    task_id: UUID
    commit_sha: str = ""
    status: Status
    branch_name: str = ""
    notes: tuple[str, ...] = ()
    verdict: Verdict = "none"
    attempts: int = Field(default=0, ge=0)
    tokens: int = Field(default=0, ge=0)
    cost_usd: float = Field(default=0.0, ge=0)
    diff: str = Field(default="", description="the patch as unified diff, redacted")
    diff_stat: DiffStat = DiffStat()
    reason: str = ""
    touched_symbols: tuple[str, ...] = ()
    fixed_tests: tuple[str, ...] = ()
    looked_at: tuple[str, ...] = ()
    next_step: str = ""
    seconds: dict[str, float] = Field(default_factory=dict, description="by stage")

    @model_validator(mode="after")
    def _failure_has_a_reason(self) -> Self:
        if self.status != "SUCCESS" and not self.reason:
            raise ValueError("a result that is no SUCCESS needs a reason")
        if self.status == "SUCCESS" and not self.commit_sha:
            raise ValueError("a SUCCESS needs the commit it is about")
        return self
