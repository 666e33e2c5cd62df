"""How work gets to a worker, who may do it, and what if that worker dies."""

from __future__ import annotations

from pydantic import Field

from selfheal.settings.section import Section


class BrokerSettings(Section):
    """How messages travel."""

    visibility_timeout_seconds: int = Field(
        default=43_200,
        ge=60,
        description="redelivery clock of a Redis broker: a last net, longer than any task",
    )
    max_message_bytes: int = Field(
        default=1 << 20, ge=1 << 20, description="a message with a larger body is set aside"
    )
    resend_after_seconds: float = Field(
        default=4.0,
        gt=0,
        description="a sent message that nobody began and the broker lost is sent again after this",
    )
    give_back_after_seconds: float = Field(
        default=10.0,
        gt=0,
        description="what a client sent goes to another worker if one has it for this long",
    )


class AttemptSettings(Section):
    """Liveness, decided in PostgreSQL."""

    heartbeat_seconds: float = Field(default=2.0, gt=0, description="between two heartbeats")
    dead_after_seconds: float = Field(
        default=6.0, gt=0, description="an attempt silent for this long is taken over"
    )
    max_takeovers: int = Field(
        default=10, ge=1, description="deaths of one piece of work before it ends SOFT_FAIL"
    )


class SweepSettings(Section):
    """The sweeper, a process of its own."""

    interval_seconds: float = Field(default=1.0, gt=0, description="between two rounds")


class BeatSettings(Section):
    """What fires schedules: any number of beats."""

    longest_wait_seconds: float = Field(
        default=5.0, gt=0, le=60, description="between two looks at the schedules, at the most"
    )
    max_deaths: int = Field(
        default=3, ge=1, description="workers that may die at one firing before it is lost"
    )


class LeaseSettings(Section):
    """Symbol leases."""

    ttl_seconds: float = Field(default=600.0, gt=0, description="life of a lease not renewed")
    wait_seconds: float = Field(
        default=60.0, ge=0, description="how long a plan waits for symbols that another one holds"
    )
