"""Models: which are asked, where, at which price and pace."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from selfheal.contracts.bundle import Complexity
from selfheal.settings.section import Section


class EndpointSettings(Section):
    """An endpoint that speaks OpenAI's protocol, and the model that is asked there."""

    name: str = Field(min_length=1, max_length=40, description="what rows and messages call it")
    base_url: str = Field(pattern=r"^https?://", description="URL, mostly ending in /v1")
    api_key: SecretStr | None = Field(default=None, description="key, where it wants one")
    model: str = Field(min_length=1, description="model that is asked")


class LlmSettings(Section):
    """Models: who is asked, how, and within which limits. Without base_url none is."""

    name: str = Field(
        default="primary", min_length=1, max_length=40, description="what rows call it"
    )
    base_url: str | None = Field(
        default=None, pattern=r"^https?://", description="endpoint that speaks OpenAI's protocol"
    )
    api_key: SecretStr | None = Field(default=None, description="its key, where it wants one")
    model: str | None = Field(default=None, description="model for what no other is named for")
    planner_model: str | None = Field(
        default=None, description="model that plans; also read from PLANNER_MODEL"
    )
    coding_model: str | None = Field(
        default=None, description="model that writes code; also read from CODING_MODEL"
    )
    embedding_model: str | None = Field(
        default=None, description="model of base_url that retrieval's vectors are from; unset: none"
    )
    embedding_dimensions: int | None = Field(
        default=None, ge=8, le=8192, description="places of its vectors; unset: its own"
    )
    tier_models: dict[Complexity, str] = Field(
        default={}, description="models that write code of a tier: trivial, moderate, complex"
    )
    fallbacks: tuple[EndpointSettings, ...] = Field(
        default=(),
        description="asked in turn when it does not answer: name, base_url, model, api_key",
    )
    structured: Literal["auto", "schema", "json_mode", "prompt"] = Field(
        default="auto", description="how JSON is asked for; auto: the strictest way that is offered"
    )
    temperature: float = Field(default=0.1, ge=0, le=2, description="where a question names none")
    max_tokens: int = Field(default=8192, ge=1, description="longest answer")
    deadline_seconds: float = Field(
        default=180.0,
        gt=0,
        description="longest time for one question, retries and fallbacks in it",
    )
    silence_seconds: float = Field(
        default=60.0, gt=0, description="a provider that says nothing for this long has failed"
    )
    tries: int = Field(default=3, ge=1, le=10, description="calls of one provider per question")
    max_concurrent: int = Field(
        default=8, ge=1, description="calls at once of a provider, farm-wide"
    )
    requests_per_minute: int | None = Field(
        default=None, ge=1, description="calls of a provider, farm-wide; unset: no limit"
    )
    tokens_per_minute: int | None = Field(
        default=None, ge=1, description="tokens of a provider, farm-wide; unset: no limit"
    )
    circuit_failures: int = Field(
        default=5, ge=1, description="failures in a row after which a provider is left alone"
    )
    circuit_open_seconds: float = Field(
        default=30.0, gt=0, description="until one call tries whether it is well again"
    )
    prices: dict[str, tuple[float, float]] = Field(
        default={}, description="per model: US dollars per million tokens, in and out"
    )
    cache: Literal["off", "read", "read-write"] = Field(
        default="off", description="whether equal questions are answered from earlier answers"
    )

    @field_validator("prices")
    @classmethod
    def _nobody_pays_us(cls, prices: dict[str, tuple[float, float]]) -> dict[str, Any]:
        if any(price < 0 for pair in prices.values() for price in pair):
            raise ValueError("a price is 0 or more")
        return prices

    @model_validator(mode="after")
    def _is_a_chain(self) -> Self:
        if self.base_url is None and self.fallbacks:
            raise ValueError("fallbacks need a base_url to fall back from")
        if self.base_url and not (self.model or (self.planner_model and self.coding_model)):
            raise ValueError("a base_url needs a model, or planner_model and coding_model")
        if self.embedding_model and self.base_url is None:
            raise ValueError("an embedding_model needs the base_url that has it")
        names = [self.name, *(fallback.name for fallback in self.fallbacks)]
        if len(set(names)) < len(names):
            raise ValueError(f"each endpoint needs a name of its own, found {', '.join(names)}")
        return self
