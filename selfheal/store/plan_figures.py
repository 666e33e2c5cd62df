"""How planning has gone, counted from the rows that are still there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Connection, text

Result = Literal["planned", "nothing"]

BUCKET_SECONDS: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper bounds of the buckets that plans are counted into by their time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFigures:
    """Plans of the Request-Planner by what came of them, their time, and what models took for them.

    `nothing` is a plan without steps: there was nothing to do, or nothing could be planned.
    `within` counts plans that took at most so many seconds, by each of `BUCKET_SECONDS`.
    """

    results: Mapping[Result, int]
    within: tuple[int, ...]
    count: int
    seconds: float
    tokens: int
    usd: float


def plan_figures(connection: Connection) -> PlanFigures:
    """Of every plan that has been made and whose rows are kept."""
    row = connection.execute(_FIGURES, {"bounds": [*BUCKET_SECONDS]}).one()
    spent = connection.execute(_SPENT).one()
    return PlanFigures(
        results={"planned": row.planned, "nothing": row.made - row.planned},
        within=tuple(row.within),
        count=row.made,
        seconds=row.seconds,
        tokens=int(spent.tokens),
        usd=spent.usd,
    )


_FIGURES = text(
    "WITH made AS (SELECT extract(epoch FROM a.ended_at - a.started_at)::float AS seconds,"
    "  EXISTS (SELECT FROM steps WHERE steps.plan_id = a.subject_id) AS planned"
    " FROM attempts a WHERE a.work = 'selfheal.plan' AND a.ending = 'accepted')"
    " SELECT count(*) AS made, count(*) FILTER (WHERE planned) AS planned,"
    " coalesce(sum(seconds), 0) AS seconds, ARRAY(SELECT (SELECT count(*) FROM made"
    "  WHERE made.seconds <= bound) FROM unnest(CAST(:bounds AS float[])) AS bound ORDER BY bound)"
    " AS within FROM made"
)

_SPENT = text(
    "SELECT coalesce(sum(prompt_tokens + completion_tokens), 0) AS tokens,"
    " coalesce(sum(usd), 0) AS usd FROM llm_calls WHERE purpose = 'plan'"
)
