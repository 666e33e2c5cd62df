"""What the farm lets in: over HTTP, of which repositories, how many requests at which cost."""

from __future__ import annotations

from pydantic import Field

from selfheal.contracts.change_request import Budget
from selfheal.settings.section import Section


class ServiceSettings(Section):
    """The HTTP service."""

    host: str = Field(
        default="127.0.0.1", description="address to listen on; outside loopback it needs tokens"
    )
    port: int = Field(default=8000, ge=0, le=65_535, description="port to listen on")
    max_body_bytes: int = Field(
        default=1 << 20, ge=1 << 10, description="a request with a larger body is refused"
    )
    requests_per_minute: int = Field(
        default=600, ge=1, description="of one token, in each process of the service"
    )
    max_streams: int = Field(
        default=100, ge=1, description="runs that are followed live at once, in each process"
    )
    stream_seconds: float = Field(
        default=600.0, gt=0, description="a stream ends after this; whoever follows comes back"
    )


class SafetySettings(Section):
    """What the farm accepts."""

    allow_repos: tuple[str, ...] = Field(
        default=("https://*", "ssh://*"),
        description="patterns of repositories that requests may name; the CLI may name any path",
    )


class AdmissionSettings(Section):
    """How much the farm takes on."""

    max_open_requests: int = Field(
        default=10_000, ge=1, description="open requests from which on new ones are to come later"
    )
    budget_usd: float | None = Field(
        default=None, ge=0, description="US dollars of a request that names no cap; unset: no cap"
    )
    budget_tokens: int | None = Field(
        default=None, ge=0, description="tokens of a request that names no cap; unset: no cap"
    )
    budget_seconds: float | None = Field(
        default=None, gt=0, description="search time of one that names no cap; unset: no cap"
    )

    def budget(self, asked: Budget) -> Budget:
        """What a request may spend: its own caps, and the farm's where it names none."""
        farms = Budget(usd=self.budget_usd, tokens=self.budget_tokens, seconds=self.budget_seconds)
        return farms.model_copy(update=asked.model_dump(exclude_none=True))
