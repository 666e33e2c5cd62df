"""How a ChangeRequest stands, for whoever asks about it over HTTP."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from selfheal.contracts.document import Value
from selfheal.contracts.run_report import END_STATES, RunReport, State


class RequestSummary(Value):
    """One ChangeRequest as it stands now, without its report."""

    # Clients read it too, and a newer service may say more.
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    state: State
    repo: str
    branch: str
    folded_into: UUID | None = Field(
        default=None, description="the open request that this one repeats: look there"
    )
    repeats: int = Field(default=0, description="requests that were folded into this one")
    submitted_by: str | None = Field(
        default=None, description="name of the API token it came with; null: by another door"
    )
    reason: str | None = Field(default=None, description="why it ended as it did")
    received_at: AwareDatetime
    cancel_requested_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in END_STATES


class RequestStatus(RequestSummary):
    """The same with the report, once there is one."""

    report: RunReport | None = Field(default=None, description="how it ended, with evidence")
