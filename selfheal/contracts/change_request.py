"""CON-1: what a client hands to the farm."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Literal, Self
from uuid import UUID, uuid4

from pydantic import AwareDatetime, Field, JsonValue, field_validator, model_validator
from pydantic_core import from_json

from selfheal.contracts.document import Document, Value
from selfheal.contracts.evolution import PlanningPlan
from selfheal.contracts.recipe import RECIPE, Recipe

Source = Literal["client", "django", "flask", "cli", "api", "schedule", "ci"]
StopAfter = Literal["plan", "code_plan", "code"]


MOST_BYTES = 900_000
"""A message that holds a ChangeRequest, with what Celery adds to it, stays below a mebibyte."""


class Budget(Value):
    """What a request may spend; None means the farm's own cap."""

    usd: float | None = Field(default=None, ge=0, le=1e9, description="US dollars")
    tokens: int | None = Field(
        default=None, ge=0, le=10**15, description="model tokens, in and out"
    )
    seconds: float | None = Field(
        default=None, gt=0, le=1e9, description="seconds of search, all CodingTasks together"
    )


class _WithRecipe(Value):
    recipe: Recipe


class _WithEvolution(Value):
    evolution: PlanningPlan


_PLANNED: dict[str, type[Value]] = {"recipe": _WithRecipe, "evolution": _WithEvolution}
"""Entries of `context` that say what is to be done; models, so that an error names its field."""


class ChangeRequest(Document):
    """A wanted change of one repository. `id` is made by the client: the idempotency key."""

    id: UUID = Field(default_factory=uuid4)
    repo: str = Field(min_length=1, max_length=2048, description="URL or path of the repository")
    branch: str = Field(default="main", min_length=1, max_length=255)
    description: str = Field(min_length=1, max_length=50_000)
    constraints: tuple[str, ...] = ()
    acceptance_criteria: tuple[str, ...] = ()
    context: dict[str, JsonValue] = Field(default_factory=dict)
    affected_paths: tuple[str, ...] = ()
    failing_tests: tuple[str, ...] = Field(default=(), description="pytest node ids")
    traceback: str = Field(default="", max_length=200_000)
    spdx_tags: tuple[str, ...] = ()
    priority: int = Field(default=5, ge=0, le=9, description="9 is most urgent")
    source: Source = "client"
    stop_after: StopAfter | None = None
    budget: Budget = Budget()
    allow_sensitive: bool = Field(
        default=False, description="may touch CI, hooks, packaging, test configuration, lock files"
    )
    requested_at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))

    @field_validator("*")
    @classmethod
    def _can_be_stored(cls, value: object) -> object:
        if _holds_nul(value):
            raise ValueError("must not hold the character U+0000, which PostgreSQL cannot store")
        return value

    @field_validator("repo", "branch")
    @classmethod
    def _is_no_option(cls, text: str) -> str:
        if text.startswith("-") or any(ord(mark) < 32 for mark in text):
            raise ValueError("must not start with '-' nor hold control characters")
        return text

    @field_validator("affected_paths")
    @classmethod
    def _stay_inside(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if path.startswith("/") or ".." in path.split("/"):
                raise ValueError(f"{path!r} must be relative to the repository and stay inside it")
        return paths

    @field_validator("context")
    @classmethod
    def _is_readable(cls, context: dict[str, JsonValue]) -> dict[str, JsonValue]:
        known = [name for name in _PLANNED if name in context]
        for name in known:
            _PLANNED[name].model_validate({name: context[name]})
        if len(known) > 1:
            raise ValueError("a recipe and an evolution are two requests")
        return context

    @property
    def recipe(self) -> Recipe | None:
        """The mechanical change that is wanted, where it is one (RP-5)."""
        found = self.context.get("recipe")
        return RECIPE.validate_python(found) if found is not None else None

    @property
    def is_to_be_cut(self) -> bool:
        """Whether it asks for more than code (PA-10): only when its context says so."""
        return self.context.get("decompose") is True and self.recipe is None

    @property
    def evolution(self) -> PlanningPlan | None:
        """The plan that is to be carried out, where it came with the request (EV-5)."""
        found = self.context.get("evolution")
        return PlanningPlan.model_validate(found) if found is not None else None

    @property
    def is_planned(self) -> bool:
        """Whether what is to be done is known, so that no failing test need show it."""
        return not self.context.keys().isdisjoint(_PLANNED)

    @model_validator(mode="after")
    def _fits_into_a_message(self) -> Self:
        document = self.to_json().encode()
        if len(document) > MOST_BYTES:
            raise ValueError(
                f"at most {MOST_BYTES:,} bytes of JSON are accepted, found {len(document):,}"
            )
        from_json(document)  # raises ValueError for what is nested too deep to be read again
        return self

    @property
    def fingerprint(self) -> str:
        """Equal for repeats of one failure: where it is, how it is tested, what failed."""
        failure = self.traceback or "\n".join(sorted(self.failing_tests)) or self.description
        where = [self.repo, self.branch, self.stop_after, *map(self.context.get, _TARGET_KEYS)]
        identity = json.dumps([where, normalise_failure(failure)], sort_keys=True)
        return hashlib.sha256(identity.encode()).hexdigest()


SUITE_PASSES = "the test suite passes"
"""The acceptance criterion of a request that wants no more than green tests."""

_TARGET_KEYS = (
    *("base_sha", "test_command", "python", "recipe", "evolution"),
    *("decompose", "subtask"),
)
"""The entries of `context` that say where and how the failure shows, or what is to be done."""

_VOLATILE = re.compile(
    r"0x[0-9a-fA-F]+"  # addresses
    r"|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"  # uuids
    r"|\d{4}-\d{2}-\d{2}[T ][\d:.]+(?:Z|[+-]\d{2}:?\d{2})?"  # times
    r"|(?<=line )\d+"  # line numbers of tracebacks
)


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(map(_holds_nul, (*value, *value.values())))
    return isinstance(value, list | tuple) and any(map(_holds_nul, value))


def normalise_failure(text: str) -> str:
    """`text` without what differs between two occurrences of one failure."""
    return " ".join(_VOLATILE.sub("#", text).split())
