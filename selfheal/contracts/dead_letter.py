"""A message that no worker could take, as it is set aside."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field, JsonValue

from selfheal.contracts.document import Document

KEPT_BYTES = 64 << 10
"""Of a body, what is kept at most."""


class DeadLetter(Document):
    """What came, with its secrets and most of its length taken out, and why it was not taken."""

    id: UUID = Field(description="derived from what came: equal for a repeat of it")
    queue: str
    task_name: str = Field(description="what its header says; empty where there is none")
    reason: str = Field(min_length=1)
    headers: dict[str, JsonValue]
    content_type: str
    content_encoding: str
    body: str
    complete: bool = Field(description="headers and body are what came, and can be sent again")
