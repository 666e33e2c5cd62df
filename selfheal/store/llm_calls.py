"""Calls to models: who may begin one, what it came to, and what can be learned from earlier ones.

What the whole farm keeps to (circuits, slots, rates, budgets) is counted here, for one call after
the other. The statements are in the driver's own style: they are sent together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, LiteralString
from uuid import UUID

from sqlalchemy import Connection, text

from selfheal.contracts.model_call import CallOutcome
from selfheal.store import budgets
from selfheal.store.budgets import Spend
from selfheal.store.database import sent_together

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

    Raises BudgetSpent when its request cannot pay for the most that it can spend. On a connection
    that commits by itself (`Database.statement`) all of it is one message, and others wait no
    longer than the server works on it.
    """
    values = {**_row(call), **asdict(limits), "seconds": seconds}
    while True:
        (row,) = sent_together(connection, values, _KNOW, _ONE_BY_ONE, _ADMIT)
        if row.refused is not None:
            return NotNow(row.refused, row.wait)
        if row.id is not None:
            return Admitted(row.id, call, row.probes)
        assert call.request_id is not None, "only a budget refuses without a word"
        if spent := budgets.lacking(connection, call.request_id, call.reserved):
            raise spent


def settle(connection: Connection, admitted: Admitted, end: End, limits: Limits) -> None:
    """Write down how the call ended, in its row, its request's budget and its provider's row.

    Where nobody knows what it spent, what it had reserved stays spent. As `admit`, one message.
    """
    tokens_in, tokens_out = end.tokens or (None, None)
    values = {
        **asdict(limits),
        "id": admitted.id,
        "provider": admitted.call.provider,
        "outcome": end.outcome,
        "seconds": end.seconds,
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "known": end.tokens is not None,
        "tokens": sum(end.tokens or ()),
        "usd": end.usd or 0.0,
        "detail": end.detail or None,
        "answer": end.answer,
        "reusable": end.reusable,
        "pause": end.pause,
        "probe": admitted.probes,
    }
    sent_together(connection, values, _NO_HURRY, _END, _GATE[end.circuit])


def answered_before(connection: Connection, digest: str) -> str | None:
    """The newest answer to an equal question that may be used again."""
    statement = text(
        "SELECT answer FROM llm_calls WHERE reusable AND digest = :digest ORDER BY id DESC LIMIT 1"
    )
    return connection.execute(statement, {"digest": digest}).scalar_one_or_none()


def note_cached(connection: Connection, call: Call, answer: str) -> None:
    """The row of a question that an earlier answer answered: it cost nothing."""
    sent_together(connection, {**_row(call), "provider": CACHE, "answer": answer}, _CACHED)


def left_alone(
    connection: Connection, providers: Sequence[str], limits: Limits
) -> dict[str, float]:
    """Seconds until a provider that has failed too often is asked again, by the names of those."""
    rows = connection.execute(
        _LEFT_ALONE, {"names": [*providers], "circuit_failures": limits.circuit_failures}
    )
    return {row.name: float(row.seconds) for row in rows}


def token_ratio(connection: Connection, model: str) -> float | None:
    """Tokens of prompts as the model's provider counted them, per estimated one; None: no calls."""
    ratio = connection.execute(_RATIO, {"model": model, "most": LEARNED_FROM}).scalar_one()
    return None if ratio is None else float(ratio)


def _row(call: Call) -> dict[str, Any]:
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


_VALUES = """
        %(question_id)s::uuid, %(number)s::integer, %(request_id)s::uuid, %(attempt_id)s::uuid,
        %(purpose)s, %(prompt)s, %(provider)s, %(model)s, %(digest)s, %(estimated_tokens)s::integer,
        %(reserved_tokens)s::bigint, %(reserved_usd)s::double precision, %(messages)s::jsonb"""

_KNOW = """
INSERT INTO llm_providers (name) VALUES (%(provider)s) ON CONFLICT DO NOTHING
"""

_ONE_BY_ONE = """
SELECT pg_advisory_xact_lock(hashtextextended(%(provider)s, 5713))
"""
"""One admission at a time per provider, until its transaction ends.

Races closed: workers that count the same free slot or the same minute, or find the same circuit
half open. It is a statement of its own because one that counted *and* waited would count with the
eyes it had before the wait. Unlike a lock on the provider's row it writes nothing, so that whoever
is refused, and looks again and again, costs no disk.
"""

_ADMIT = f"""
WITH gate AS MATERIALIZED (
    SELECT failures >= %(circuit_failures)s AS probes,
        extract(epoch FROM open_until - statement_timestamp()) AS open_for,
        extract(epoch FROM paused_until - statement_timestamp()) AS paused_for
    FROM llm_providers WHERE name = %(provider)s
), running AS (
    SELECT count(*) AS calls FROM llm_calls
    WHERE provider = %(provider)s AND ended_at IS NULL AND deadline_at > statement_timestamp()
), minute AS (
    SELECT count(*) AS calls, min(begun_at) + interval '60 seconds' AS eases_at,
        coalesce(sum(coalesce(prompt_tokens + completion_tokens, reserved_tokens)), 0) AS tokens
    FROM llm_calls
    WHERE provider = %(provider)s AND begun_at > statement_timestamp() - interval '60 seconds'
), verdict AS MATERIALIZED (
    SELECT probes, open_for, paused_for,
        extract(epoch FROM eases_at - statement_timestamp()) AS full_for,
        CASE WHEN probes AND open_for > 0 THEN 'open'
            WHEN paused_for > 0 THEN 'paused'
            WHEN running.calls >= %(max_concurrent)s THEN 'full'
            WHEN minute.calls >= %(requests_per_minute)s::bigint THEN 'rate'
            -- One that is larger than the limit goes alone: else it would never go.
            WHEN minute.tokens > 0
                AND minute.tokens + %(reserved_tokens)s > %(tokens_per_minute)s::bigint THEN 'rate'
        END AS refused
    FROM gate CROSS JOIN running CROSS JOIN minute
), paid AS (
    {budgets.TAKE_ALL} AND (SELECT refused FROM verdict) IS NULL
    RETURNING request_id
), begun AS (
    INSERT INTO llm_calls (question_id, number, request_id, attempt_id, purpose, prompt, provider,
        model, digest, estimated_tokens, reserved_tokens, reserved_usd, messages, deadline_at)
    SELECT {_VALUES}, statement_timestamp() + make_interval(secs => %(seconds)s)
    FROM verdict
    WHERE refused IS NULL AND (%(request_id)s::uuid IS NULL OR EXISTS (SELECT FROM paid))
    RETURNING id
), held AS (
    -- Open to all others for as long as the probe may take: if its worker dies, another one tries.
    UPDATE llm_providers SET open_until = statement_timestamp() + make_interval(secs => %(seconds)s)
    WHERE name = %(provider)s AND (SELECT probes FROM verdict) AND EXISTS (SELECT FROM begun)
)
SELECT probes, refused, begun.id, coalesce(
    CASE refused WHEN 'open' THEN open_for WHEN 'paused' THEN paused_for WHEN 'rate' THEN full_for
    END, 0)::double precision AS wait
FROM verdict LEFT JOIN begun ON true
"""
"""The call's row, or the first reason why there is none: neither means that the budget refused.

A budget's row is locked before a provider's, here and where a call ends.
"""

_NO_HURRY = "SELECT set_config('synchronous_commit', 'off', true)"
"""What ends is not waited for by the disk. Should the server's machine die in that moment, the call
runs until its deadline and what it had reserved stays spent: no cap is passed.
"""

_END = f"""
WITH ended AS (
    UPDATE llm_calls SET ended_at = clock_timestamp(), outcome = %(outcome)s, seconds = %(seconds)s,
        prompt_tokens = %(prompt_tokens)s, completion_tokens = %(completion_tokens)s,
        usd = CASE WHEN %(known)s THEN %(usd)s ELSE reserved_usd END, detail = %(detail)s,
        answer = %(answer)s, reusable = %(reusable)s
    WHERE id = %(id)s AND ended_at IS NULL
    RETURNING request_id, reserved_tokens, reserved_usd
)
{budgets.GIVE_BACK} FROM ended WHERE budgets.request_id = ended.request_id AND %(known)s
"""

_GATE: Final[Mapping[Circuit, LiteralString]] = {
    # The conditions spare the row, and whoever waits for it, where nothing changes.
    "closes": """
UPDATE llm_providers SET failures = 0, open_until = NULL,
    paused_until = CASE WHEN %(pause)s > 0
        THEN greatest(paused_until, clock_timestamp() + make_interval(secs => %(pause)s))
        ELSE paused_until END
WHERE name = %(provider)s AND (failures > 0 OR open_until IS NOT NULL OR %(pause)s > 0)
RETURNING name
""",
    "breaks": """
UPDATE llm_providers SET failures = failures + 1,
    open_until = CASE WHEN failures + 1 >= %(circuit_failures)s
        THEN clock_timestamp() + make_interval(secs => %(circuit_open_seconds)s)
        ELSE open_until END
WHERE name = %(provider)s
RETURNING name
""",
    # A probe that found nothing out leaves the next call to be one.
    "leaves": """
UPDATE llm_providers SET open_until = NULL WHERE name = %(provider)s AND %(probe)s
RETURNING name
""",
}

_CACHED = f"""
INSERT INTO llm_calls (question_id, number, request_id, attempt_id, purpose, prompt, provider,
    model, digest, estimated_tokens, reserved_tokens, reserved_usd, messages, deadline_at, ended_at,
    outcome, seconds, usd, prompt_tokens, completion_tokens, answer)
SELECT {_VALUES}, statement_timestamp(), statement_timestamp(), 'cached', 0, 0, 0, 0, %(answer)s
RETURNING id
"""

_LEFT_ALONE = text(
    "SELECT name, extract(epoch FROM open_until - clock_timestamp()) AS seconds FROM llm_providers"
    " WHERE name = ANY(:names) AND failures >= :circuit_failures"
    " AND open_until > clock_timestamp()"
)

_RATIO = text(
    "SELECT sum(prompt_tokens) / nullif(sum(estimated_tokens), 0) FROM (SELECT prompt_tokens,"
    " estimated_tokens FROM llm_calls WHERE model = :model AND outcome = 'answered'"
    " AND prompt_tokens > 0 ORDER BY id DESC LIMIT :most) AS newest"
)
