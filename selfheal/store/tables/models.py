"""What models were asked, whether they are well, and what a request has spent."""

from __future__ import annotations

from typing import get_args

from sqlalchemy import (
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
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from selfheal.contracts.model_call import CallOutcome
from selfheal.store.tables.schema import at, metadata, one_of

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
    at("open_until", "its circuit is open until then; after it one call at a time tries it"),
    at("paused_until", "it said when it wants to be asked again"),
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
    at("begun_at", "when it was admitted", default=True),
    Column(
        "deadline_at",
        DateTime(timezone=True),
        nullable=False,
        comment="one that runs longer has lost its worker",
    ),
    at("ended_at", "null: running, or its worker is lost"),
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
    one_of("outcome", get_args(CallOutcome)),
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
