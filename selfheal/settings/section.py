"""What the sections of all themes have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Settings of one subject: fixed once they are read; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
