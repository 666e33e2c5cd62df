"""The work: tasks in rounds, attempts at them, names that are held for it, messages about it."""

from __future__ import annotations

from typing import get_args

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from selfheal.contracts.commit_result import Status
from selfheal.contracts.names import POOLS
from selfheal.store.tables.schema import at, metadata, one_of

fencing_tokens = Sequence("fencing_tokens", metadata=metadata, start=1)

rounds = Table(
    "rounds",
    metadata,
    Column("id", Uuid, primary_key=True, comment="the chord's group id, frozen before any send"),
    Column("plan_id", Uuid, ForeignKey("plans.id"), nullable=False),
    Column("number", Integer, nullable=False, comment="1, then one per rerun or send-back"),
    Column("size", Integer, nullable=False, comment="CodingTasks in the header"),
    Column("landed_sha", Text, comment="what its green commits were merged to"),
    at("created_at", "when its header was released", default=True),
    UniqueConstraint("plan_id", "number"),
    CheckConstraint("size > 0", name="size_positive"),
)

coding_tasks = Table(
    "coding_tasks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("round_id", Uuid, ForeignKey("rounds.id"), nullable=False, index=True),
    Column("plan_id", Uuid, ForeignKey("plans.id"), nullable=False),
    Column("request_id", Uuid, ForeignKey("change_requests.id"), nullable=False),
    Column("rerun_of", Uuid, ForeignKey("coding_tasks.id"), comment="the task this one repeats"),
    Column("position", Integer, nullable=False, comment="0.. in the round: its part's index"),
    Column("step_number", Integer, nullable=False),
    Column("document", JSONB, nullable=False, comment="the CodingTask (CON-4)"),
    Column("waiting_on", Integer, nullable=False, comment="parents not yet settled"),
    Column(
        "depth_below",
        Integer,
        nullable=False,
        comment="longest way to a leaf, in tenths of a trivial task",
    ),
    Column("state", Text, nullable=False),
    Column("base_commit_sha", Text, comment="merge of the parents' commits (CA-2)"),
    at("settled_at", "when its result was accepted"),
    one_of("state", ("waiting", "ready", "settled")),
    CheckConstraint("waiting_on >= 0", name="waiting_on_positive"),
    CheckConstraint("(state = 'settled') = (settled_at IS NOT NULL)", name="settled_has_time"),
)

task_edges = Table(
    "task_edges",
    metadata,
    Column("parent_id", Uuid, ForeignKey("coding_tasks.id"), nullable=False),
    Column("child_id", Uuid, ForeignKey("coding_tasks.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False, comment="needs: runs only on success; order: after it"),
    PrimaryKeyConstraint("parent_id", "child_id"),
    CheckConstraint("parent_id <> child_id", name="no_self_edge"),
    one_of("kind", ("needs", "order")),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("work", Text, nullable=False, comment="task name: what is being done"),
    Column("subject_id", Uuid, nullable=False, comment="plan, CodingTask or round it is done to"),
    Column("request_id", Uuid, ForeignKey("change_requests.id"), nullable=False),
    Column("number", Integer, nullable=False, comment="1.. per work and subject"),
    Column(
        "token",
        BigInteger,
        fencing_tokens,
        nullable=False,
        unique=True,
        server_default=fencing_tokens.next_value(),
        comment="fencing token",
    ),
    Column("worker", Text, nullable=False, comment="host:pid"),
    Column("message_id", Uuid, comment="the message that began it"),
    Column("stage", Text, nullable=False, server_default="begun", comment="last one reached"),
    Column(
        "checkpoint",
        JSONB,
        nullable=False,
        server_default="{}",
        comment="what a takeover resumes from",
    ),
    at("started_at", "when it began", default=True),
    at("heartbeat_at", "last sign of life", default=True),
    at("ended_at", "when it ended, however"),
    Column("ending", Text),
    Column("note", Text, comment="why it ended"),
    UniqueConstraint("work", "subject_id", "number"),
    one_of("ending", ("accepted", "lost", "stopped", "failed")),
    CheckConstraint("(ending IS NULL) = (ended_at IS NULL)", name="ending_when_ended"),
)
Index(
    "one_standing_attempt",
    attempts.c.work,
    attempts.c.subject_id,
    unique=True,
    postgresql_where=text("ended_at IS NULL OR ending = 'accepted'"),
)
# Not by heartbeat: a beat then writes to no index.
Index("ix_live_attempts", attempts.c.request_id, postgresql_where=text("ended_at IS NULL"))

commit_results = Table(
    "commit_results",
    metadata,
    Column(
        "task_id",
        Uuid,
        ForeignKey("coding_tasks.id"),
        primary_key=True,
        comment="one accepted result per task",
    ),
    Column("token", BigInteger, comment="of the attempt that was accepted; null: never ran"),
    Column("status", Text, nullable=False),
    Column("commit_sha", Text, nullable=False, server_default=""),
    Column("document", JSONB, nullable=False, comment="the CommitResult (CON-6)"),
    at("accepted_at", "when it was accepted", default=True),
    one_of("status", get_args(Status)),
)

leases = Table(
    "leases",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("repo", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column(
        "fq_name",
        Text(collation="C"),  # by code point: what a name covers is one range of an index
        nullable=False,
        comment="dotted; covers every name below it",
    ),
    Column("kind", Text, nullable=False, comment="module, class, function, method, variable"),
    Column("file_path", Text, nullable=False, comment="relative to the repository"),
    Column("mode", Text, nullable=False),
    Column("plan_id", Uuid, nullable=False, comment="the holder"),
    Column(
        "token",
        BigInteger,
        nullable=False,
        server_default=fencing_tokens.next_value(),
        comment="fencing token: every later holder has a greater one",
    ),
    Column("state", Text, nullable=False, server_default="held"),
    Column("claimed_sha", Text, comment="the commit that used it"),
    at("reserved_at", "when it was reserved", default=True),
    Column(
        "expires_at",
        DateTime(timezone=True),
        nullable=False,
        comment="when it lapses unless renewed",
    ),
    at("ended_at", "when it was claimed, released or expired"),
    one_of("mode", ("exclusive", "shared")),
    one_of("state", ("held", "claimed", "released", "expired")),
    CheckConstraint("(state = 'held') = (ended_at IS NULL)", name="ended_when_not_held"),
    CheckConstraint("(state = 'claimed') = (claimed_sha IS NOT NULL)", name="claim_has_commit"),
)
Index(
    "one_exclusive_holder",
    leases.c.repo,
    leases.c.branch,
    leases.c.fq_name,
    unique=True,
    postgresql_where=text("state = 'held' AND mode = 'exclusive'"),
)
Index(
    "ix_held_leases",
    leases.c.repo,
    leases.c.branch,
    leases.c.fq_name,
    postgresql_where=text("state = 'held'"),
)
Index("ix_leases_of_plan", leases.c.plan_id)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("message_id", Uuid, nullable=False, unique=True, comment="becomes the Celery task id"),
    Column("task_name", Text, nullable=False),
    Column("pool", Text, nullable=False, comment="the queue it goes to"),
    Column("subject_id", Uuid, nullable=False, comment="its only argument"),
    Column(
        "request_id",
        Uuid,
        ForeignKey("change_requests.id"),
        comment="null: for a schedule, not for a request",
    ),
    Column("repo", Text, nullable=False, comment="whose turn it is; empty: the farm's own"),
    Column("urgency", Integer, nullable=False, server_default="0", comment="larger is sent first"),
    at("created_at", "when it became true that this must be sent", default=True),
    at("not_before", "when it may be sent", default=True),
    at("claimed_until", "a sender is at it until then"),
    at("sent_at", "when the broker last took it"),
    Column("sends", Integer, nullable=False, server_default="0"),
    at("received_at", "when a worker began it: it needs no more sending"),
    one_of("pool", POOLS),
)
Index("ix_outbox_received_at", outbox.c.received_at, postgresql_using="brin")
Index(
    "ix_outbox_unsent",
    outbox.c.pool,
    outbox.c.repo,
    outbox.c.urgency.desc(),
    outbox.c.id,
    postgresql_where=text("sent_at IS NULL AND received_at IS NULL"),
)
Index("ix_outbox_open", outbox.c.pool, postgresql_where=text("received_at IS NULL"))
Index("ix_outbox_of_request", outbox.c.request_id)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Uuid, primary_key=True, comment="uuid5 of what came: repeats are one row"),
    Column("queue", Text, nullable=False, comment="where it waited"),
    Column("task_name", Text, nullable=False, comment="what its header says; empty: nothing"),
    Column("reason", Text, nullable=False, comment="why no worker could take it"),
    Column("headers", JSONB, nullable=False, comment="redacted, and cut to a bound"),
    Column("content_type", Text, nullable=False),
    Column("content_encoding", Text, nullable=False),
    Column("body", Text, nullable=False, comment="redacted, and cut to a bound"),
    Column("complete", Boolean, nullable=False, comment="nothing was redacted or cut"),
    Column("times", Integer, nullable=False, server_default="1", comment="how often it came"),
    at("first_at", "when it came first", default=True),
    at("last_at", "when it came last", default=True),
    at("requeued_at", "when it was sent to its queue again"),
)
Index("ix_dead_letters_open", dead_letters.c.last_at, postgresql_where=text("requeued_at IS NULL"))
