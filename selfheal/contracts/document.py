"""The base of every document: frozen, exact about its fields, versioned."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from selfheal.errors import InvalidRequest


class Value(BaseModel):
    """A frozen part of a document; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(Value):
    """A document that is stored or sent on its own; `schema_version` travels with it."""

    schema_version: int = Field(default=1, ge=1, le=1, description="version of this document")

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The document in `text`; raises pydantic.ValidationError naming each wrong field."""
        return cls.model_validate_json(text)

    def to_json(self) -> str:
        """One line of JSON that `from_json` reads back to an equal document."""
        return self.model_dump_json()


def refusal(error: ValidationError) -> InvalidRequest:
    """The first thing that is wrong with a request, as every door says it."""
    first = error.errors()[0]
    return InvalidRequest(".".join(map(str, first["loc"])) or "request", first["msg"])
