"""CON-7: the states of a ChangeRequest and the RunReport it ends with."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, JsonValue

from selfheal.contracts.bundle import TaskBundle
from selfheal.contracts.commit_result import CommitResult
from selfheal.contracts.decomposition import PlanResponse, SubTaskResult
from selfheal.contracts.document import Document, Value

State = Literal[
    "RECEIVED",
    "PLANNING",
    "PLANNED",
    "CODE_PLANNING",
    "CODING",
    "LANDING",
    "BUILD1",
    "PAUSED",
    "DONE",
    "PARTIAL",
    "FAILED",
    "CANCELLED",
]

END_STATES: frozenset[State] = frozenset({"DONE", "PARTIAL", "FAILED", "CANCELLED"})

_ENDS_OR_PAUSE: frozenset[State] = END_STATES | {"PAUSED"}

TRANSITIONS: dict[State, frozenset[State]] = {
    "RECEIVED": _ENDS_OR_PAUSE | {"PLANNING"},
    "PLANNING": _ENDS_OR_PAUSE | {"PLANNED"},
    "PLANNED": _ENDS_OR_PAUSE | {"CODE_PLANNING"},
    "CODE_PLANNING": _ENDS_OR_PAUSE | {"CODING"},
    "CODING": _ENDS_OR_PAUSE | {"LANDING"},
    "LANDING": _ENDS_OR_PAUSE | {"BUILD1", "CODING", "PLANNING"},
    "BUILD1": _ENDS_OR_PAUSE | {"LANDING", "CODING", "PLANNING"},
    "PAUSED": END_STATES | {"PLANNING", "CODE_PLANNING", "CODING", "LANDING"},
    "DONE": frozenset(),
    "PARTIAL": frozenset(),
    "FAILED": frozenset(),
    "CANCELLED": frozenset(),
}
"""Where each state may go. LANDING and BUILD1 lead back to CODING when a patch is sent back, and
to PLANNING when what has landed uncovers failures that the last plan could not see. BUILD1 leads
back to LANDING when its worker died."""


Cause = Literal[
    "landed",
    "nothing_to_do",
    "carried_out",
    "stopped_after",
    "partly_landed",
    "no_fix",
    "environment",
    "try_later",
    "cancelled",
    "internal",
]
"""Why a request ended, for programs; `reason` says it to people."""


class SuiteEvidence(Value):
    """What the test suite said at one commit: counts, and the ids that did not pass."""

    commit_sha: str = ""
    command: str = ""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failing: tuple[str, ...] = ()
    seconds: float = 0.0


class TimelineEntry(Value):
    """One append-only event row, as the report shows it."""

    at: AwareDatetime
    who: str
    what: str
    why: str = ""


class RunReport(Document):
    """How a ChangeRequest ended, with its evidence. `reason` is never empty."""

    request_id: UUID
    state: State
    cause: Cause
    plan_id: UUID | None = None
    bundle: TaskBundle | None = None
    results: tuple[CommitResult, ...] = ()
    decomposition: PlanResponse | None = Field(
        default=None, description="the SubTasks, where the request was cut into some"
    )
    subtasks: tuple[SubTaskResult, ...] = ()
    landed_branch: str = ""
    landed_sha: str = ""
    base_sha: str = ""
    reason: str = Field(min_length=1)
    looked_at: tuple[str, ...] = ()
    next_step: str = ""
    before: SuiteEvidence | None = None
    after: SuiteEvidence | None = None
    sandbox: str = Field(default="", description="which sandbox ran the repository's code")
    warnings: tuple[str, ...] = ()
    timings: dict[str, float] = Field(default_factory=dict, description="seconds by stage")
    cost: dict[str, JsonValue] = Field(default_factory=dict)
    timeline: tuple[TimelineEntry, ...] = ()
