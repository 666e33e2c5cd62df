"""The tables, their constraints, and what each column means.

One module, long as it is: the tables refer to each other, and are compared as a whole with what the
migrations make.
"""

from __future__ import annotations

from typing import Any, get_args

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from selfheal.contracts.change_request import Source
from selfheal.contracts.commit_result import Status
from selfheal.contracts.decomposition import ARMS
from selfheal.contracts.model_call import CallOutcome
from selfheal.contracts.names import JOBS, OF_REPOSITORY, POOLS
from selfheal.contracts.role import ROLES
from selfheal.contracts.run_report import State
from selfheal.store.backlog import VIEW

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

fencing_tokens = Sequence("fencing_tokens", metadata=metadata, start=1)


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def _at(name: str, comment: str, *, default: bool = False) -> Column[Any]:
    """A point in time by the database's clock, the only clock the farm compares."""
    return Column(
        name,
        DateTime(timezone=True),
        server_default=text("clock_timestamp()") if default else None,
        nullable=not default,
        comment=comment,
    )


change_requests = Table(
    "change_requests",
    metadata,
    Column("id", Uuid, primary_key=True, comment="made by the client: the idempotency key"),
    Column("document", JSONB, nullable=False, comment="the ChangeRequest (CON-1)"),
    Column("repo", Text, nullable=False, comment="URL or path"),
    Column("branch", Text, nullable=False),
    Column("fingerprint", Text, nullable=False, comment="equal for repeats of one failure"),
    Column("folded_into", Uuid, ForeignKey("change_requests.id"), comment="the open request"),
    Column("repeats", Integer, nullable=False, server_default="0", comment="folded into this one"),
    Column("state", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False, comment="0 to 9, 9 most urgent"),
    Column("source", Text, nullable=False),
    Column("submitted_by", Text, comment="name of its API token; null: by another door"),
    Column("base_commit_sha", Text, comment="what `branch` was when planning began"),
    Column("sandbox", Text, comment="which sandbox ran the repository's code"),
    Column("evidence", JSONB, comment="the suite at base (SuiteEvidence)"),
    Column("report", JSONB, comment="the RunReport (CON-7), once it has ended"),
    Column("reason", Text, comment="why it ended as it did"),
    _at("received_at", "when its row was committed: accepted", default=True),
    _at("cancel_requested_at", "somebody wants it to end"),
    _at("ended_at", "when it reached an end state"),
    _at("trimmed_at", "when retention took its plans; null: they are here"),
    _one_of("state", get_args(State)),
    _one_of("source", get_args(Source)),
    CheckConstraint("priority BETWEEN 0 AND 9", name="priority_range"),
    CheckConstraint(
        "(ended_at IS NOT NULL) = (state IN ('DONE', 'PARTIAL', 'FAILED', 'CANCELLED'))",
        name="ended_when_in_end_state",
    ),
    CheckConstraint("ended_at IS NULL OR reason IS NOT NULL", name="end_has_reason"),
)
Index(
    "one_open_request_per_failure",
    change_requests.c.fingerprint,
    unique=True,
    postgresql_where=text("ended_at IS NULL"),
)
Index(
    "ix_untrimmed_requests",
    change_requests.c.ended_at,
    postgresql_where=text("trimmed_at IS NULL"),
)
Index("ix_open_requests", change_requests.c.received_at, postgresql_where=text("ended_at IS NULL"))

events = Table(
    "events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("request_id", Uuid, ForeignKey("change_requests.id"), nullable=False, index=True),
    _at("at", "when it happened", default=True),
    Column("who", Text, nullable=False, comment="worker, sweeper, cli, client ..."),
    Column("kind", Text, nullable=False),
    Column("old_state", Text, comment="for kind state"),
    Column("new_state", Text, comment="for kind state"),
    Column("task_id", Uuid, comment="the CodingTask it is about, if any"),
    Column("token", BigInteger, comment="fencing token of the attempt, if any"),
    Column("why", Text, nullable=False),
    _one_of("kind", ("state", "task", "attempt", "lease", "land", "note")),
    comment="append-only: a trigger refuses updates",
)
# For retention; rows lie in the order of their times, so blocks of them are enough.
Index("ix_events_at", events.c.at, postgresql_using="brin")

plans = Table(
    "plans",
    metadata,
    Column("id", Uuid, primary_key=True, comment="uuid5 of request and number"),
    Column("request_id", Uuid, ForeignKey("change_requests.id"), nullable=False),
    Column("number", Integer, nullable=False, comment="1, then one more per leftover of a round"),
    Column("base_commit_sha", Text, comment="null until planning has resolved it"),
    Column("document", JSONB, comment="the Plan (CON-2), once made"),
    _at("created_at", "when it was asked for", default=True),
    UniqueConstraint("request_id", "number"),
)

steps = Table(
    "steps",
    metadata,
    Column("plan_id", Uuid, ForeignKey("plans.id"), nullable=False),
    Column("step_order", Integer, nullable=False, comment="1..n"),
    Column("kind", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("goal", Text, nullable=False),
    Column("depends_on", ARRAY(Integer), nullable=False, comment="earlier orders"),
    PrimaryKeyConstraint("plan_id", "step_order"),
)

bundles = Table(
    "bundles",
    metadata,
    Column("plan_id", Uuid, ForeignKey("plans.id"), primary_key=True),
    Column("document", JSONB, nullable=False, comment="the TaskBundle (CON-5)"),
    Column("force_sequential", Boolean, nullable=False),
    _at("created_at", "when it was made", default=True),
)

code_plan_figures = Table(
    "code_plan_figures",
    metadata,
    Column("plan_id", Uuid, ForeignKey("bundles.plan_id"), primary_key=True),
    Column("trivial", Integer, nullable=False, comment="CodingTasks by their label"),
    Column("moderate", Integer, nullable=False),
    Column("complex", Integer, nullable=False),
    Column("docs", Integer, nullable=False, comment="chunks that its tasks are to read"),
    Column("read_seconds", Float, nullable=False, comment="for the facts of files"),
    Column("files_hits", Integer, nullable=False, comment="of files, what was known"),
    Column("files_misses", Integer, nullable=False, comment="of files, what was read for it"),
    Column("graphs_hits", Integer, nullable=False, comment="graphs that were linked before"),
    Column("graphs_misses", Integer, nullable=False, comment="graphs that were linked for it"),
)

rounds = Table(
    "rounds",
    metadata,
    Column("id", Uuid, primary_key=True, comment="the chord's group id, frozen before any send"),
    Column("plan_id", Uuid, ForeignKey("plans.id"), nullable=False),
    Column("number", Integer, nullable=False, comment="1, then one per rerun or send-back"),
    Column("size", Integer, nullable=False, comment="CodingTasks in the header"),
    Column("landed_sha", Text, comment="what its green commits were merged to"),
    _at("created_at", "when its header was released", default=True),
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
    _at("settled_at", "when its result was accepted"),
    _one_of("state", ("waiting", "ready", "settled")),
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
    _one_of("kind", ("needs", "order")),
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
    _at("started_at", "when it began", default=True),
    _at("heartbeat_at", "last sign of life", default=True),
    _at("ended_at", "when it ended, however"),
    Column("ending", Text),
    Column("note", Text, comment="why it ended"),
    UniqueConstraint("work", "subject_id", "number"),
    _one_of("ending", ("accepted", "lost", "stopped", "failed")),
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
    _at("accepted_at", "when it was accepted", default=True),
    _one_of("status", get_args(Status)),
)

decompositions = Table(
    "decompositions",
    metadata,
    Column("id", Uuid, primary_key=True, comment="uuid5 of the request"),
    Column("request_id", Uuid, ForeignKey("change_requests.id"), nullable=False, unique=True),
    Column("document", JSONB, comment="the PlanResponse (CON-8), once made"),
    Column("planner", Text, comment="a model's name, or the rules"),
    Column("base_commit_sha", Text, comment="what `branch` was when it was made"),
    _at("created_at", "when it was asked for", default=True),
)

subtasks = Table(
    "subtasks",
    metadata,
    Column("id", Uuid, primary_key=True, comment="uuid5 of the decomposition and the step"),
    Column("decomposition_id", Uuid, ForeignKey("decompositions.id"), nullable=False),
    Column("request_id", Uuid, ForeignKey("change_requests.id"), nullable=False, index=True),
    Column("step", Integer, nullable=False, comment="its number in the plan"),
    Column("arm", Text, nullable=False),
    Column("pool", Text, nullable=False, comment="of the arm, by the roster of that moment"),
    Column("document", JSONB, nullable=False, comment="the SubTask (CON-8)"),
    Column("needs", ARRAY(Integer), nullable=False, comment="steps that must have succeeded"),
    Column("waiting_on", Integer, nullable=False, comment="needed steps not yet settled"),
    Column("state", Text, nullable=False),
    Column(
        "child_id",
        Uuid,
        ForeignKey("change_requests.id"),
        unique=True,
        comment="the ChangeRequest that a coder's step runs as",
    ),
    Column("result", JSONB, comment="the SubTaskResult, once it is settled"),
    _at("settled_at", "when its result was accepted"),
    UniqueConstraint("decomposition_id", "step"),
    _one_of("arm", ARMS),
    _one_of("pool", POOLS),
    _one_of("state", ("waiting", "ready", "settled")),
    CheckConstraint("waiting_on >= 0", name="waiting_on_positive"),
    CheckConstraint(
        "(state = 'settled') = (settled_at IS NOT NULL)"
        " AND (state = 'settled') = (result IS NOT NULL)",
        name="settled_as_a_whole",
    ),
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
    _at("reserved_at", "when it was reserved", default=True),
    Column(
        "expires_at",
        DateTime(timezone=True),
        nullable=False,
        comment="when it lapses unless renewed",
    ),
    _at("ended_at", "when it was claimed, released or expired"),
    _one_of("mode", ("exclusive", "shared")),
    _one_of("state", ("held", "claimed", "released", "expired")),
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
    _at("created_at", "when it became true that this must be sent", default=True),
    _at("not_before", "when it may be sent", default=True),
    _at("claimed_until", "a sender is at it until then"),
    _at("sent_at", "when the broker last took it"),
    Column("sends", Integer, nullable=False, server_default="0"),
    _at("received_at", "when a worker began it: it needs no more sending"),
    _one_of("pool", POOLS),
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
    _at("first_at", "when it came first", default=True),
    _at("last_at", "when it came last", default=True),
    _at("requeued_at", "when it was sent to its queue again"),
)
Index("ix_dead_letters_open", dead_letters.c.last_at, postgresql_where=text("requeued_at IS NULL"))

budgets = Table(
    "budgets",
    metadata,
    Column("request_id", Uuid, ForeignKey("change_requests.id"), primary_key=True),
    Column("seconds_cap", Float, comment="seconds of work; null: no cap"),
    Column("seconds_used", Float, nullable=False, server_default="0"),
    Column("tokens_cap", Float, comment="model tokens, in and out; null: no cap"),
    Column("tokens_used", Float, nullable=False, server_default="0"),
    Column("usd_cap", Float, comment="US dollars; null: no cap"),
    Column("usd_used", Float, nullable=False, server_default="0"),
    comment="what is reserved counts as used until it is settled",
)

llm_providers = Table(
    "llm_providers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("failures", Integer, nullable=False, server_default="0", comment="calls in a row"),
    _at("open_until", "its circuit is open until then; after it one call at a time tries it"),
    _at("paused_until", "it said when it wants to be asked again"),
    comment="locked while a call is admitted: what racing workers count stays true",
)

llm_calls = Table(
    "llm_calls",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("question_id", Uuid, nullable=False, comment="the same for a question's retries"),
    Column("number", Integer, nullable=False, comment="1.. among a question's calls"),
    Column("request_id", Uuid, ForeignKey("change_requests.id"), comment="null: nobody's budget"),
    Column("attempt_id", Uuid, comment="the attempt that asked, if one did"),
    Column("purpose", Text, nullable=False, comment="what the answer is for"),
    Column("prompt", Text, nullable=False, comment="prompt file and its version: plan@1"),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("digest", Text, nullable=False, comment="sha256 of all that the answer depends on"),
    Column("estimated_tokens", Integer, nullable=False, comment="of the prompt, uncorrected"),
    Column("reserved_tokens", BigInteger, nullable=False, comment="the most it may take"),
    Column("reserved_usd", Float, nullable=False, comment="the most it may cost"),
    Column("prompt_tokens", BigInteger, comment="null: running, or nobody knows"),
    Column("completion_tokens", BigInteger, comment="null: running, or nobody knows"),
    Column("usd", Float, comment="what the request was charged; 0 where no price is known"),
    _at("begun_at", "when it was admitted", default=True),
    Column(
        "deadline_at",
        DateTime(timezone=True),
        nullable=False,
        comment="one that runs longer has lost its worker",
    ),
    _at("ended_at", "null: running, or its worker is lost"),
    Column("seconds", Float, comment="from its begin to its end, as its worker saw it"),
    Column("outcome", Text, comment="null until it has ended"),
    Column("detail", Text, comment="what the endpoint said about it, redacted"),
    Column("messages", JSONB, comment="a question's first call has its prompt, redacted"),
    Column("answer", Text, comment="redacted"),
    Column(
        "reusable",
        Boolean,
        nullable=False,
        server_default="false",
        comment="equal questions may be answered by it",
    ),
    _one_of("outcome", get_args(CallOutcome)),
    CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ended_with_outcome"),
    CheckConstraint("NOT reusable OR outcome = 'answered'", name="reusable_is_answered"),
)
Index("ix_llm_calls_of_provider", llm_calls.c.provider, llm_calls.c.begun_at)
Index("ix_llm_calls_of_model", llm_calls.c.model, llm_calls.c.id)
Index("ix_llm_calls_of_request", llm_calls.c.request_id)
Index("ix_llm_calls_begun_at", llm_calls.c.begun_at, postgresql_using="brin")
Index(
    "ix_llm_calls_texts",
    llm_calls.c.begun_at,
    postgresql_where=text("messages IS NOT NULL OR answer IS NOT NULL"),
)
Index("ix_llm_calls_open", llm_calls.c.provider, postgresql_where=text("ended_at IS NULL"))
Index("ix_llm_calls_reusable", llm_calls.c.digest, postgresql_where=text("reusable"))

baselines = Table(
    "baselines",
    metadata,
    Column("key", Text, primary_key=True, comment="sha256 of repo, sha, environment, command"),
    Column("repo", Text, nullable=False),
    Column("commit_sha", Text, nullable=False),
    Column("document", JSONB, nullable=False, comment="outcome of every test at that commit"),
    _at("created_at", "when it was measured", default=True),
)

blobs = Table(
    "blobs",
    metadata,
    Column("kind", Text, nullable=False, comment="what was derived, and by which version"),
    Column("blob", Text, nullable=False, comment="id that git gives the content of the file"),
    Column(
        "data", LargeBinary, nullable=False, comment="compressed; a cache of what anyone derives"
    ),
    _at("used_at", "when it was written or last asked for, to the day", default=True),
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
    _at("measured_at", "when it was last measured", default=True),
    PrimaryKeyConstraint("repo", "commit_sha", "name"),
)
Index("ix_commit_metrics_best", commit_metrics.c.repo, commit_metrics.c.name)

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
    _at("scanned_at", "when it was last scanned"),
    _at("created_at", "when it was registered", default=True),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("url", "branch"),
    CheckConstraint(
        "(scanned_sha IS NULL) = (failing IS NULL) AND (failing IS NULL) = (scanned_at IS NULL)",
        name="scanned_as_a_whole",
    ),
)

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
    _at("paused_at", "null: it runs"),
    Column("next_run", DateTime(timezone=True), nullable=False, comment="names the next firing"),
    Column("fires_at", DateTime(timezone=True), nullable=False, comment="next_run and its jitter"),
    _at("last_run", "the run that was last fired"),
    Column("last_message_id", Uuid, comment="the message that was sent for it"),
    _at("created_at", "when it was made", default=True),
    Column("created_by", Text, nullable=False),
    _at("updated_at", "when somebody last changed it", default=True),
    Column("updated_by", Text, nullable=False),
    _one_of("job", JOBS),
    _one_of("misfire", ("skip", "once")),
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
    _at("fired_at", "when a beat fired or skipped it", default=True),
    _at("heartbeat_at", "last sign of life of its worker"),
    _at("ended_at", "when it ended, however"),
    Column("note", Text, comment="what came of it"),
    UniqueConstraint("schedule_id", "run"),
    _one_of("cause", ("due", "late", "asked")),
    _one_of("state", ("sent", "running", "done", "failed", "lost", "skipped")),
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

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Text, primary_key=True, comment="the part of a token that names its row"),
    Column("name", Text, nullable=False, comment="whose it is"),
    Column("role", Text, nullable=False),
    Column("digest", Text, nullable=False, comment="sha256 of the whole token, in hex"),
    _at("created_at", "when it was made", default=True),
    Column("created_by", Text, nullable=False),
    _at("revoked_at", "when it ceased to be good"),
    _one_of("role", ROLES),
)
Index(
    "one_good_token_per_name",
    api_tokens.c.name,
    unique=True,
    postgresql_where=text("revoked_at IS NULL"),
)

# Views are no tables to SQLAlchemy: this one comes after them.
event.listen(metadata, "after_create", DDL(VIEW))  # type: ignore[no-untyped-call]
