"""Who is asked for an answer, in which order, and what the tokens cost there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from selfheal.llm.model import Purpose, Tier, Usage
from selfheal.settings import EndpointSettings, LlmSettings

_PLANS: Final[frozenset[Purpose]] = frozenset({"plan", "rerank", "decompose"})
"""What `planner_model` answers; the rest writes code."""

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """A provider by its name, and the model that is asked there."""

    provider: str
    model: str


def endpoints(settings: LlmSettings) -> tuple[EndpointSettings, ...]:
    """The chain in its order; nothing where no endpoint is configured."""
    if settings.base_url is None:
        return ()
    first = EndpointSettings(
        name=settings.name,
        base_url=settings.base_url,
        api_key=settings.api_key,
        model=settings.model or "",
    )
    return (first, *settings.fallbacks)


def choices(settings: LlmSettings, purpose: Purpose, tier: Tier) -> tuple[Choice, ...]:
    """The chain for an answer: the first one's model is chosen by purpose and tier."""
    if purpose == "embed":
        # Vectors of another model are of another space: there is nobody to fall back to.
        assert settings.embedding_model is not None, "nobody embeds without a model for it"
        return (Choice(settings.name, settings.embedding_model),)
    model = _chosen(settings, purpose, tier) or settings.model
    assert model is not None, "settings with a base_url have a model for every purpose"
    fallbacks = (Choice(other.name, other.model) for other in settings.fallbacks)
    return (Choice(settings.name, model), *fallbacks)


def _chosen(settings: LlmSettings, purpose: Purpose, tier: Tier) -> str | None:
    if purpose in _PLANS:
        return settings.planner_model
    return settings.tier_models.get(tier) or settings.coding_model


def cost(settings: LlmSettings, model: str, usage: Usage) -> float:
    """US dollars; 0 where the settings know no price of the model."""
    price_in, price_out = settings.prices.get(model, (0.0, 0.0))
    spent = usage.prompt_tokens * price_in + usage.completion_tokens * price_out
    return spent / _MILLION
