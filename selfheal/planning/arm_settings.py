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
from selfheal.settings import REPLAY_URL, LlmSettings

PREFIX = "PLANNER_"

OF_THE_FARM = frozenset({"PLANNER_MODEL"})
"""Variables that begin alike and are the farm's: `llm.planner_model` is read from it."""

OPENAI_URL = "https://api.openai.com/v1"
"""Who is asked where there is a key and no endpoint."""


class PlannerSettings(BaseSettings):
    """How goals are cut into SubTasks."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    openai_api_key: SecretStr | None = Field(
        default=None, description="key of the arm's own calls; unset: that of llm.base_url"
    )
    llm_model: str = Field(
        default="", description="model of the arm's own calls; unset: the one of llm that plans"
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

    def own(self, llm: LlmSettings) -> LlmSettings:
        """The farm's models as the arm asks them: by its own key and model, where it has them.

        A key without an endpoint is one of OpenAI's. Raises InvalidSettings where a model is
        missing or has nobody to answer for it.
        """
        if llm.base_url == REPLAY_URL or not (self.openai_api_key or self.llm_model):
            return llm
        if not (llm.base_url or self.openai_api_key):
            raise InvalidSettings(
                "PLANNER_LLM_MODEL: nobody answers for it; set PLANNER_OPENAI_API_KEY or "
                "SELFHEAL_LLM__BASE_URL"
            )
        if not (llm.base_url or self.llm_model):
            raise InvalidSettings("PLANNER_OPENAI_API_KEY: set PLANNER_LLM_MODEL as well")
        return llm.model_copy(
            update={
                "base_url": llm.base_url or OPENAI_URL,
                "api_key": self.openai_api_key or llm.api_key,
                "planner_model": self.llm_model or llm.planner_model,
            }
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
    here = {name for name in os.environ if name.startswith(PREFIX)}
    unknown = sorted(here - known - OF_THE_FARM)
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
