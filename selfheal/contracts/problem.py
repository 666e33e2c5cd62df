"""An error of ours as the HTTP service says it."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, Field

from selfheal.contracts.document import Value


class Problem(Value):
    """Why the service did not do what it was asked for."""

    # Clients read it too, and a newer service may say more.
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="ignore")

    error: str = Field(description="the kind of error, for programs")
    message: str = Field(description="what was expected, what was found, what to do next")
    field: str | None = Field(default=None, description="the field that is wrong, if one is")
    expected: str | None = Field(default=None, description="what that field accepts")
