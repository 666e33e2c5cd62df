"""What is known of repositories, and what is done to them when."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from selfheal.contracts.names import JOBS, OF_REPOSITORY
from selfheal.store.tables.schema import at, metadata, one_of

repositories = Table(
    "repositories",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("name", Text, nullable=False, unique=True, comment="what people call it"),
    Column("url", Text, nullable=False, comment="URL or absolute path"),
    Column("branch", Text, nullable=False, comment="whose head is scanned"),
    Column("test_command", Text, comment="null: the repository's own"),
    Column("scanned_sha", Text, comment="the head that was last scanned"),
    Column("failing", ARRAY(Text), comment="what failed there; null before the first scan"),
    at("scanned_at", "when it was last scanned"),
    at("created_at", "when it was registered", default=True),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("url", "branch"),
    CheckConstraint(
        "(scanned_sha IS NULL) = (failing IS NULL) AND (failing IS NULL) = (scanned_at IS NULL)",
        name="scanned_as_a_whole",
    ),
)

baselines = Table(
    "baselines",
    metadata,
    Column("key", Text, primary_key=True, comment="sha256 of repo, sha, environment, command"),
    Column("repo", Text, nullable=False),
    Column("commit_sha", Text, nullable=False),
    Column("document", JSONB, nullable=False, comment="outcome of every test at that commit"),
    at("created_at", "when it was measured", default=True),
)

blobs = Table(
    "blobs",
    metadata,
    Column("kind", Text, nullable=False, comment="what was derived, and by which version"),
    Column("blob", Text, nullable=False, comment="id that git gives the content of the file"),
    Column(
        "data", LargeBinary, nullable=False, comment="compressed; a cache of what anyone derives"
    ),
    at("used_at", "when it was written or last asked for, to the day", default=True),
    PrimaryKeyConstraint("kind", "blob"),
)

Index("ix_blobs_used_at", blobs.c.used_at)

commit_metrics = Table(
    "commit_metrics",
    metadata,
    Column("repo", Text, nullable=False),
    Column("commit_sha", Text, nullable=False),
    Column("name", Text, nullable=False, comment="of the figure"),
    Column("value", Float, nullable=False),
    Column("unit", Text, nullable=False),
    Column("higher_is_better", Boolean, nullable=False),
    Column("summary", Text, nullable=False, comment="what the figure means, in words"),
    at("measured_at", "when it was last measured", default=True),
    PrimaryKeyConstraint("repo", "commit_sha", "name"),
)
Index("ix_commit_metrics_best", commit_metrics.c.repo, commit_metrics.c.name)

_REPOSITORY_JOBS = ", ".join(f"'{job}'" for job in sorted(OF_REPOSITORY))

schedules = Table(
    "schedules",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("name", Text, nullable=False, unique=True, comment="what people call it"),
    Column("job", Text, nullable=False, comment="what is done"),
    Column(
        "repository_id",
        Uuid,
        ForeignKey("repositories.id"),
        index=True,
        comment="what it is done to; null: to the farm",
    ),
    Column("goal", Text, comment="what an evolve job is for; null: the goal for all"),
    Column("crontab", Text, comment="five fields; or else an interval"),
    Column("timezone", Text, comment="IANA name of the crontab's zone"),
    Column("interval_seconds", Integer, comment="or else a crontab"),
    Column(
        "jitter_seconds", Integer, nullable=False, server_default="0", comment="at most so late"
    ),
    Column("misfire", Text, nullable=False, comment="what becomes of runs that nobody fired"),
    Column(
        "window_seconds",
        Integer,
        nullable=False,
        server_default="60",
        comment="a run that is late by more has been missed",
    ),
    at("paused_at", "null: it runs"),
    Column("next_run", DateTime(timezone=True), nullable=False, comment="names the next firing"),
    Column("fires_at", DateTime(timezone=True), nullable=False, comment="next_run and its jitter"),
    at("last_run", "the run that was last fired"),
    Column("last_message_id", Uuid, comment="the message that was sent for it"),
    at("created_at", "when it was made", default=True),
    Column("created_by", Text, nullable=False),
    at("updated_at", "when somebody last changed it", default=True),
    Column("updated_by", Text, nullable=False),
    one_of("job", JOBS),
    one_of("misfire", ("skip", "once")),
    CheckConstraint("(crontab IS NULL) <> (interval_seconds IS NULL)", name="one_timing"),
    CheckConstraint("(crontab IS NULL) = (timezone IS NULL)", name="crontab_has_zone"),
    CheckConstraint("interval_seconds BETWEEN 1 AND 31622400", name="interval_range"),
    CheckConstraint("jitter_seconds BETWEEN 0 AND 3600", name="jitter_range"),
    CheckConstraint("window_seconds BETWEEN 1 AND 86400", name="window_range"),
    CheckConstraint("fires_at >= next_run", name="fires_not_early"),
    CheckConstraint(
        f"(job IN ({_REPOSITORY_JOBS})) = (repository_id IS NOT NULL)", name="job_has_its_subject"
    ),
    CheckConstraint("goal IS NULL OR job = 'evolve'", name="only_evolve_has_goal"),
)
Index("ix_schedules_due", schedules.c.fires_at, postgresql_where=text("paused_at IS NULL"))

firings = Table(
    "firings",
    metadata,
    Column("message_id", Uuid, primary_key=True, comment="uuid5 of schedule and run"),
    Column("schedule_id", Uuid, ForeignKey("schedules.id"), nullable=False),
    Column("run", DateTime(timezone=True), nullable=False, comment="the moment it was due"),
    Column("cause", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0", comment="its fencing token"),
    Column(
        "deaths", Integer, nullable=False, server_default="0", comment="workers that died at it"
    ),
    Column("worker", Text, comment="host:pid, once begun"),
    at("fired_at", "when a beat fired or skipped it", default=True),
    at("heartbeat_at", "last sign of life of its worker"),
    at("ended_at", "when it ended, however"),
    Column("note", Text, comment="what came of it"),
    UniqueConstraint("schedule_id", "run"),
    one_of("cause", ("due", "late", "asked")),
    one_of("state", ("sent", "running", "done", "failed", "lost", "skipped")),
    CheckConstraint(
        "(ended_at IS NULL) = (state IN ('sent', 'running'))", name="ended_when_in_end_state"
    ),
    CheckConstraint(
        "(state = 'running') <= (heartbeat_at IS NOT NULL)", name="running_has_heartbeat"
    ),
)
Index(
    "one_open_firing",
    firings.c.schedule_id,
    unique=True,
    postgresql_where=text("ended_at IS NULL"),
)
Index("ix_firings_ended", firings.c.ended_at)
