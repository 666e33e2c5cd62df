"""Who may ask, what was asked, and what was planned for it."""

from __future__ import annotations

from typing import get_args

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from selfheal.contracts.change_request import Source
from selfheal.contracts.decomposition import ARMS
from selfheal.contracts.names import POOLS
from selfheal.contracts.role import ROLES
from selfheal.contracts.run_report import State
from selfheal.store.tables.schema import at, metadata, one_of

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Text, primary_key=True, comment="the part of a token that names its row"),
    Column("name", Text, nullable=False, comment="whose it is"),
    Column("role", Text, nullable=False),
    Column("digest", Text, nullable=False, comment="sha256 of the whole token, in hex"),
    at("created_at", "when it was made", default=True),
    Column("created_by", Text, nullable=False),
    at("revoked_at", "when it ceased to be good"),
    one_of("role", ROLES),
)
Index(
    "one_good_token_per_name",
    api_tokens.c.name,
    unique=True,
    postgresql_where=text("revoked_at IS NULL"),
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
    at("received_at", "when its row was committed: accepted", default=True),
    at("cancel_requested_at", "somebody wants it to end"),
    at("ended_at", "when it reached an end state"),
    at("trimmed_at", "when retention took its plans; null: they are here"),
    one_of("state", get_args(State)),
    one_of("source", get_args(Source)),
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
    at("at", "when it happened", default=True),
    Column("who", Text, nullable=False, comment="worker, sweeper, cli, client ..."),
    Column("kind", Text, nullable=False),
    Column("old_state", Text, comment="for kind state"),
    Column("new_state", Text, comment="for kind state"),
    Column("task_id", Uuid, comment="the CodingTask it is about, if any"),
    Column("token", BigInteger, comment="fencing token of the attempt, if any"),
    Column("why", Text, nullable=False),
    one_of("kind", ("state", "task", "attempt", "lease", "land", "note")),
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
    at("created_at", "when it was asked for", default=True),
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
    at("created_at", "when it was made", default=True),
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

decompositions = Table(
    "decompositions",
    metadata,
    Column("id", Uuid, primary_key=True, comment="uuid5 of the request"),
    Column("request_id", Uuid, ForeignKey("change_requests.id"), nullable=False, unique=True),
    Column("document", JSONB, comment="the PlanResponse (CON-8), once made"),
    Column("planner", Text, comment="a model's name, or the rules"),
    Column("base_commit_sha", Text, comment="what `branch` was when it was made"),
    at("created_at", "when it was asked for", default=True),
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
    at("settled_at", "when its result was accepted"),
    UniqueConstraint("decomposition_id", "step"),
    one_of("arm", ARMS),
    one_of("pool", POOLS),
    one_of("state", ("waiting", "ready", "settled")),
    CheckConstraint("waiting_on >= 0", name="waiting_on_positive"),
    CheckConstraint(
        "(state = 'settled') = (settled_at IS NOT NULL)"
        " AND (state = 'settled') = (result IS NOT NULL)",
        name="settled_as_a_whole",
    ),
)
