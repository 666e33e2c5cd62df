"""Settings of the Planner Arm: variables `PLANNER_<NAME>`, apart from the farm's own.

Nothing is read at import; `get_settings()` reads them once for the process.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from selfheal import __version__
from selfheal.errors import InvalidSettings

PREFIX = "PLANNER_"


class PlannerSettings(BaseSettings):
    """How goals are cut into SubTasks."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    openai_api_key: SecretStr | None = Field(
        default=None, description="accepted; the key that is used is that of the farm's models"
    )
    llm_model: str = Field(
        default="", description="shown as the model's name; the farm's gateway chooses it"
    )
    planning_temperature: float = Field(default=0.3, ge=0, le=2, description="of each question")
    max_tokens: int = Field(default=2_000, ge=100, description="longest answer of the model")
    # The offline rules make four steps, which must be a plan by these bounds too.
    min_plan_steps: int = Field(default=3, ge=1, le=4, description="fewest SubTasks of a plan")
    max_plan_steps: int = Field(default=7, ge=4, le=20, description="most SubTasks of a plan")
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=600, description="a plan or an error is there after this"
    )
    service_name: str = Field(default="selfheal", min_length=1, description="in log lines")
    service_version: str = Field(default=__version__, min_length=1, description="in /health")
    environment: str = Field(default="development", min_length=1, description="in log lines")
    cors_origins: tuple[str, ...] = Field(
        default=(), description="origins whose pages may call the service, as a JSON list"
    )

    @model_validator(mode="after")
    def _lets_no_page_in_by_star(self) -> Self:
        if "*" in self.cors_origins:
            raise ValueError("cors_origins names each origin that may call; '*' is not accepted")
        return self


@cache
def get_settings() -> PlannerSettings:
    """The settings of this process; raises InvalidSettings naming every wrong variable."""
    return read_settings()


def read_settings() -> PlannerSettings:
    """The settings as the environment has them now."""
    known = {f"{PREFIX}{name.upper()}" for name in PlannerSettings.model_fields}
    unknown = [name for name in os.environ if name.startswith(PREFIX) and name not in known]
    if unknown:
        raise InvalidSettings(
            f"{', '.join(unknown)}: unknown; there are {', '.join(sorted(known))}"
        )
    try:
        return PlannerSettings()
    except ValidationError as error:
        wrong = "; ".join(
            f"{PREFIX}{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}"
            for one in error.errors()
        )
        raise InvalidSettings(wrong) from error
    except ValueError as error:  # a list that is no JSON
        raise InvalidSettings(f"{PREFIX}*: {error}") from error
