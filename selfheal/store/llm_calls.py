"""Calls to models: who may begin one, what it came to, and what can be learned from earlier ones.

What the whole farm must keep to (circuits, slots, rates, budgets) is counted here, under a lock on
the provider's row. Where a budget's row is locked too, that comes second.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, text

from selfheal.contracts.model_call import CallOutcome
from selfheal.store import budgets
from selfheal.store.budgets import Spend

Circuit = Literal["closes", "breaks", "leaves"]
"""What a call's end says about its provider: it is well, it has failed, or neither."""

CACHE = "cache"
"""Stands as provider on the row of a question that an earlier answer answered."""

LEARNED_FROM = 50
"""Calls of a model that its token ratio is taken from: prompts of every purpose are among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What all calls of one provider keep to together."""

    max_concurrent: int
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    circuit_failures: int
    circuit_open_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that somebody wants to make; `reserved` is the most that it can spend.

    Without a request nothing is charged. `messages` are (role, text) pairs, redacted.
    """

    question_id: UUID
    number: int
    request_id: UUID | None
    attempt_id: UUID | None
    purpose: str
    prompt: str
    provider: str
    model: str
    digest: str
    messages: Sequence[tuple[str, str]]
    estimated_tokens: int
    reserved: Spend


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that has begun; `probes`: it tries for all whether its provider is well again."""

    id: int
    call: Call
    probes: bool


@dataclass(frozen=True, slots=True)
class NotNow:
    """A call that may not begin yet: why, and after how many seconds that can be otherwise."""

    why: Literal["open", "paused", "full", "rate"]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a call ended. `tokens` (in, out) and `usd` are None where nobody knows.

    `pause` is how many seconds its provider, which is well, wants to be left alone by everybody.
    """

    outcome: CallOutcome
    circuit: Circuit
    seconds: float
    tokens: tuple[int, int] | None
    usd: float | None
    pause: float = 0.0
    detail: str = ""
    answer: str | None = None
    reusable: bool = False


def admit(
    connection: Connection, call: Call, limits: Limits, *, seconds: float
) -> Admitted | NotNow:
    """Begin the call, which will take at most `seconds`, or say why not now.

    Raises BudgetSpent when its request cannot pay for the most that it can spend.
    Races closed: workers that count the same free slot, the same minute, or find the same circuit
    half open. The lock on the provider's row makes each see what the one before it has begun.
    """
    gate = connection.execute(_LOCK, {"provider": call.provider}).one_or_none()
    if gate is None:
        connection.execute(_KNOW, {"provider": call.provider})
        gate = connection.execute(_LOCK, {"provider": call.provider}).one()
    probes = gate.failures >= limits.circuit_failures
    if probes and gate.open_for > 0:
        return NotNow("open", gate.open_for)
    if gate.paused_for > 0:
        return NotNow("paused", gate.paused_for)
    if crowded := _crowded(connection, call, limits):
        return crowded
    if call.request_id is not None:
        budgets.take(connection, call.request_id, call.reserved)
    if probes:
        # Closed to all others for as long as this one may take: if its worker dies, another tries.
        connection.execute(_HOLD, {"provider": call.provider, "seconds": seconds})
    row = connection.execute(_BEGIN, {**_row(call), "seconds": seconds}).scalar_one()
    return Admitted(row, call, probes)


def _crowded(connection: Connection, call: Call, limits: Limits) -> NotNow | None:
    now = connection.execute(_COUNT, {"provider": call.provider}).one()
    if now.running >= limits.max_concurrent:
        return NotNow("full", 0.0)
    requests, tokens = limits.requests_per_minute, limits.tokens_per_minute
    # A call that is larger than the limit goes alone: else it would never go.
    too_many = tokens is not None and now.tokens > 0 and now.tokens + call.reserved.tokens > tokens
    if too_many or (requests is not None and now.calls >= requests):
        return NotNow("rate", now.oldest_leaves)
    return None


def settle(connection: Connection, admitted: Admitted, end: End, limits: Limits) -> None:
    """Write down how the call ended, in its row, its provider's and its request's budget.

    Where nobody knows what it spent, what it had reserved stays spent.
    """
    call = admitted.call
    connection.execute(
        _GATE[end.circuit],
        {
            "provider": call.provider,
            "pause": end.pause,
            "probe": admitted.probes,
            "threshold": limits.circuit_failures,
            "open_seconds": limits.circuit_open_seconds,
        },
    )
    tokens_in, tokens_out = end.tokens or (None, None)
    usd = call.reserved.usd if end.usd is None else end.usd
    row = {
        "id": admitted.id,
        "outcome": end.outcome,
        "seconds": end.seconds,
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "usd": usd,
        "detail": end.detail or None,
        "answer": end.answer,
        "reusable": end.reusable,
    }
    ended = connection.execute(_END, row).rowcount
    if ended and end.tokens is not None and call.request_id is not None:
        spent = Spend(tokens=sum(end.tokens), usd=usd)
        budgets.settle(connection, call.request_id, call.reserved, spent)


def answered_before(connection: Connection, digest: str) -> str | None:
    """The newest answer to an equal question that may be used again."""
    statement = text(
        "SELECT answer FROM llm_calls WHERE reusable AND digest = :digest ORDER BY id DESC LIMIT 1"
    )
    return connection.execute(statement, {"digest": digest}).scalar_one_or_none()


def note_cached(connection: Connection, call: Call, answer: str) -> None:
    """The row of a question that an earlier answer answered: it cost nothing."""
    connection.execute(_CACHED, {**_row(call), "provider": CACHE, "answer": answer})


def token_ratio(connection: Connection, model: str) -> float | None:
    """Tokens of prompts as the model's provider counted them, per estimated one; None: no calls."""
    ratio = connection.execute(_RATIO, {"model": model, "most": LEARNED_FROM}).scalar_one()
    return None if ratio is None else float(ratio)


def _row(call: Call) -> dict[str, object]:
    said = [{"role": role, "content": content} for role, content in call.messages]
    return {
        "question_id": call.question_id,
        "number": call.number,
        "request_id": call.request_id,
        "attempt_id": call.attempt_id,
        "purpose": call.purpose,
        "prompt": call.prompt,
        "provider": call.provider,
        "model": call.model,
        "digest": call.digest,
        "estimated_tokens": call.estimated_tokens,
        "reserved_tokens": int(call.reserved.tokens),
        "reserved_usd": call.reserved.usd,
        "messages": json.dumps(said) if said else None,
    }


def _left(column: str) -> str:
    return f"coalesce(extract(epoch FROM {column} - clock_timestamp()), 0)::double precision"


_LOCK = text(
    f"SELECT failures, {_left('open_until')} AS open_for, {_left('paused_until')} AS paused_for"
    " FROM llm_providers WHERE name = :provider FOR UPDATE"
)

_KNOW = text("INSERT INTO llm_providers (name) VALUES (:provider) ON CONFLICT DO NOTHING")

_HOLD = text(
    "UPDATE llm_providers SET open_until = clock_timestamp() + make_interval(secs => :seconds)"
    " WHERE name = :provider"
)

# The clock of the statement, not of the transaction: that one began before the lock was got.
_COUNT = text(
    "SELECT (SELECT count(*) FROM llm_calls WHERE provider = :provider AND ended_at IS NULL"
    " AND deadline_at > statement_timestamp()) AS running, count(*) AS calls,"
    " coalesce(sum(coalesce(prompt_tokens + completion_tokens, reserved_tokens)), 0) AS tokens,"
    " coalesce(60 - extract(epoch FROM statement_timestamp() - min(begun_at)), 0)::double precision"
    " AS oldest_leaves FROM llm_calls WHERE provider = :provider"
    " AND begun_at > statement_timestamp() - interval '60 seconds'"
)

_COLUMNS = (
    "question_id, number, request_id, attempt_id, purpose, prompt, provider, model, digest,"
    " estimated_tokens, reserved_tokens, reserved_usd, messages"
)
_VALUES = (
    ":question_id, :number, :request_id, :attempt_id, :purpose, :prompt, :provider, :model,"
    " :digest, :estimated_tokens, :reserved_tokens, :reserved_usd, CAST(:messages AS jsonb)"
)

_BEGIN = text(
    f"INSERT INTO llm_calls ({_COLUMNS}, deadline_at)"
    f" VALUES ({_VALUES}, clock_timestamp() + make_interval(secs => :seconds)) RETURNING id"
)

_CACHED = text(
    f"INSERT INTO llm_calls ({_COLUMNS}, deadline_at, ended_at, outcome, seconds, usd,"
    " prompt_tokens, completion_tokens, answer)"
    f" VALUES ({_VALUES}, clock_timestamp(), clock_timestamp(), 'cached', 0, 0, 0, 0, :answer)"
)

_END = text(
    "UPDATE llm_calls SET ended_at = clock_timestamp(), outcome = :outcome, seconds = :seconds,"
    " prompt_tokens = :prompt_tokens, completion_tokens = :completion_tokens, usd = :usd,"
    " detail = :detail, answer = :answer, reusable = :reusable"
    " WHERE id = :id AND ended_at IS NULL"
)

_GATE = {
    # The condition spares the row, and whoever waits for it, where nothing changes.
    "closes": text(
        "UPDATE llm_providers SET failures = 0, open_until = NULL, paused_until = CASE"
        " WHEN :pause > 0 THEN greatest(paused_until,"
        " clock_timestamp() + make_interval(secs => :pause)) ELSE paused_until END"
        " WHERE name = :provider AND (failures > 0 OR open_until IS NOT NULL OR :pause > 0)"
    ),
    "breaks": text(
        "UPDATE llm_providers SET failures = failures + 1, open_until = CASE"
        " WHEN failures + 1 >= :threshold"
        " THEN clock_timestamp() + make_interval(secs => :open_seconds) ELSE open_until END"
        " WHERE name = :provider"
    ),
    # A probe that found nothing out leaves the next call to be one.
    "leaves": text("UPDATE llm_providers SET open_until = NULL WHERE name = :provider AND :probe"),
}

_RATIO = text(
    "SELECT sum(prompt_tokens) / nullif(sum(estimated_tokens), 0) FROM (SELECT prompt_tokens,"
    " estimated_tokens FROM llm_calls WHERE model = :model AND outcome = 'answered'"
    " AND prompt_tokens > 0 ORDER BY id DESC LIMIT :most) AS newest"
)
