"""Where a farm lives, which servers it talks to, and how long it keeps what."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from selfheal.settings.section import Section


class FarmSettings(Section):
    """Where the farm lives."""

    run_folder: Path = Field(
        default=Path("~/.local/state/selfheal"),
        description="private folder for embedded servers, mirrors, worktrees and logs",
    )
    broker_url: SecretStr | None = Field(
        default=None, description="Redis/Valkey or AMQP URL; unset: the embedded Valkey"
    )
    database_url: SecretStr | None = Field(
        default=None, description="postgresql+psycopg URL; unset: the embedded PostgreSQL"
    )
    servers: Literal["auto", "embedded", "system"] = Field(
        default="auto", description="where embedded server programs come from: wheels or PATH"
    )


class StoreSettings(Section):
    """The database connections of one process."""

    pool_size: int = Field(default=4, ge=1, le=64, description="kept connections per process")
    statement_timeout_seconds: float = Field(
        default=30.0, gt=0, description="longest statement before PostgreSQL ends it"
    )


class RetentionSettings(Section):
    """How long what has ended is kept; jobs `retention` and `prune` take it away."""

    requests_days: float = Field(
        default=90.0, gt=0, description="plans, tasks, results and report of an ended request"
    )
    events_days: float = Field(default=365.0, gt=0, description="timeline of an ended request")
    outbox_days: float = Field(default=7.0, gt=0, description="messages that have been begun")
    results_days: float = Field(
        default=7.0, gt=0, description="what Celery keeps of tasks, groups and ended chords"
    )
    firings_days: float = Field(default=14.0, gt=0, description="ended firings of schedules")
    letters_days: float = Field(
        default=90.0, gt=0, description="messages that no worker could take, since they came last"
    )
    baselines_days: float = Field(default=30.0, gt=0, description="measured baselines")
    prompts_days: float = Field(
        default=14.0,
        gt=0,
        description="prompts and answers of calls to models, redacted as they are",
    )
    calls_days: float = Field(
        default=365.0, gt=0, description="who called which model, its tokens and cost"
    )
    mirrors_days: float = Field(
        default=30.0, gt=0, description="mirrors on a host that no request has asked for since"
    )
    blobs_days: float = Field(
        default=30.0, gt=0, description="facts of files that no host has asked for since"
    )
    batch: int = Field(default=500, ge=1, le=10_000, description="rows per transaction")


class IndexSettings(Section):
    """What is known of the files of repositories, in the run folder and in PostgreSQL."""

    disk_bytes: int = Field(
        default=2 << 30, ge=1 << 20, description="of one host; what was not used for longest goes"
    )
    broker_bytes: int = Field(
        default=64 << 20, ge=0, description="of linked graphs in the broker's Redis; 0 keeps none"
    )
    qdrant_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Qdrant that compares vectors, mostly ending in :6333; unset: each process",
    )
    qdrant_api_key: SecretStr | None = Field(
        default=None, description="its key, where it wants one"
    )
    qdrant_seconds: float = Field(
        default=5.0, gt=0, le=300, description="it is left alone that took longer for one question"
    )


class TracingSettings(Section):
    """OpenTelemetry spans of the farm's agents."""

    endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="where OTLP over HTTP is taken, mostly ending in :4318; unset: no spans",
    )
