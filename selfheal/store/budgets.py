"""Budgets: what a ChangeRequest may spend, and what it has."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from selfheal.contracts.change_request import Budget
from selfheal.errors import BudgetSpent, UnknownId


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """An amount of each thing that a request spends."""

    seconds: float = 0.0
    tokens: float = 0.0
    usd: float = 0.0


def open_budget(connection: Connection, request_id: UUID, budget: Budget) -> None:
    """Nothing is spent yet; an amount without a cap is still counted."""
    connection.execute(
        text(
            "INSERT INTO budgets (request_id, seconds_cap, tokens_cap, usd_cap)"
            " VALUES (:id, :seconds, :tokens, :usd)"
        ),
        {
            "id": request_id,
            "seconds": budget.seconds,
            "tokens": budget.tokens,
            "usd": budget.usd,
        },
    )


def reserve(connection: Connection, request_id: UUID, wanted: Spend) -> Spend:
    """As much of `wanted` as the caps leave, which counts as used from now on.

    A worker that dies never settles: what it had reserved stays used, so that the caps hold.
    Race closed: several workers that reserve the last of a budget. FOR UPDATE makes each of them
    look at what the one before it has left.
    """
    row = connection.execute(_RESERVE, {"id": request_id, **asdict(wanted)}).one()
    return Spend(**row._mapping)


def lacking(connection: Connection, request_id: UUID, wanted: Spend) -> BudgetSpent | None:
    """What the caps do not leave of `wanted`; None where it is there, by now."""
    budget = connection.execute(_CAPS, {"id": request_id}).mappings().one_or_none()
    if budget is None:
        raise UnknownId(f"no ChangeRequest {request_id} has a budget: it has ended long ago")
    for what, amount in asdict(wanted).items():
        cap = budget[f"{what}_cap"]
        if amount and cap is not None and budget[f"{what}_used"] + amount > cap:
            return BudgetSpent(what, cap)
    return None


def settle(connection: Connection, request_id: UUID, reserved: Spend, used: Spend) -> None:
    """Replace what was reserved by what was used."""
    connection.execute(
        text(
            "UPDATE budgets SET seconds_used = greatest(seconds_used + :seconds, 0),"
            " tokens_used = greatest(tokens_used + :tokens, 0),"
            " usd_used = greatest(usd_used + :usd, 0) WHERE request_id = :id"
        ),
        {
            "id": request_id,
            "seconds": used.seconds - reserved.seconds,
            "tokens": used.tokens - reserved.tokens,
            "usd": used.usd - reserved.usd,
        },
    )


def used(connection: Connection, request_id: UUID) -> Spend:
    """What the request has spent or reserved so far."""
    row = connection.execute(
        text(
            "SELECT seconds_used AS seconds, tokens_used AS tokens, usd_used AS usd"
            " FROM budgets WHERE request_id = :id"
        ),
        {"id": request_id},
    ).one()
    return Spend(**row._mapping)


def _left(what: str) -> str:
    return f"least(:{what}, greatest(coalesce({what}_cap - {what}_used, 'infinity'), 0)) AS {what}"


_CAPS = text("SELECT * FROM budgets WHERE request_id = :id")

TAKE_ALL: Final = """
    UPDATE budgets SET tokens_used = tokens_used + %(reserved_tokens)s,
        usd_used = usd_used + %(reserved_usd)s
    WHERE request_id = %(request_id)s::uuid
      AND (tokens_cap IS NULL OR tokens_used + %(reserved_tokens)s <= tokens_cap
           OR %(reserved_tokens)s = 0)
      AND (usd_cap IS NULL OR usd_used + %(reserved_usd)s <= usd_cap OR %(reserved_usd)s = 0)
"""
"""Reserves tokens and dollars, all of them or none; the first lines of a part of a statement.

Race closed: several workers that take the last of a budget. An update that waited for another one
compares anew.
"""

GIVE_BACK: Final = """
    UPDATE budgets SET
        tokens_used = greatest(tokens_used + %(tokens)s - reserved_tokens, 0),
        usd_used = greatest(usd_used + %(usd)s - reserved_usd, 0)
"""
"""Replaces what the row that follows had reserved by what was used."""

_RESERVE = text(
    "WITH budget AS (SELECT * FROM budgets WHERE request_id = :id FOR UPDATE), granted AS ("
    f" SELECT {_left('seconds')}, {_left('tokens')}, {_left('usd')} FROM budget)"
    " UPDATE budgets SET seconds_used = seconds_used + granted.seconds,"
    " tokens_used = tokens_used + granted.tokens, usd_used = usd_used + granted.usd"
    " FROM granted WHERE request_id = :id"
    " RETURNING granted.seconds, granted.tokens, granted.usd"
)
