"""How code planning has gone: noted with each bundle, and counted from the rows that are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from sqlalchemy import Connection, text

from selfheal.contracts.bundle import Complexity, TaskBundle
from selfheal.contracts.plan import Kind

Cache = Literal["files", "graphs"]

WAITS_MS: Final = (100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0, 30_000.0, 120_000.0)
"""Upper bounds of the buckets that steps are counted into by the time of their bundle."""
READ_SECONDS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0)
"""The same for reading files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What one bundle took, beside its time: of files, whether their facts were known; of graphs,
    whether they were linked before."""

    read_seconds: float
    hits: Mapping[Cache, int]
    misses: Mapping[Cache, int]


@dataclass(frozen=True, slots=True)
class Spread:
    """Values counted: `within` are those at or below each bound of the buckets."""

    within: tuple[int, ...]
    count: int
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePlanFigures:
    """Of all bundles: their tasks, chunks and caches; what each kind of step waited for its tasks,
    in milliseconds; what reading the files of each took, in seconds."""

    tasks: Mapping[Complexity, int]
    docs: int
    hits: Mapping[Cache, int]
    misses: Mapping[Cache, int]
    waits_ms: Mapping[Kind, Spread]
    read_seconds: Spread


def note(connection: Connection, bundle: TaskBundle, making: Making) -> None:
    """Keep what a bundle took, beside the bundle: in the transaction that stores it."""
    labels = [task.complexity_label for task in bundle.tasks]
    values = {
        "plan_id": bundle.plan_id,
        "docs": sum(len(task.blob_ids) for task in bundle.tasks),
        "read_seconds": making.read_seconds,
        **{label: labels.count(label) for label in get_args(Complexity)},
        **{f"{cache}_hits": making.hits.get(cache, 0) for cache in get_args(Cache)},
        **{f"{cache}_misses": making.misses.get(cache, 0) for cache in get_args(Cache)},
    }
    connection.execute(_NOTE, values)


def code_plan_figures(connection: Connection) -> CodePlanFigures:
    """Of every bundle that has been made and whose rows are kept."""
    sums = connection.execute(_SUMS, {"bounds": [*READ_SECONDS]}).one()._mapping
    waits = connection.execute(_WAITS, {"bounds": [*WAITS_MS]}).all()
    return CodePlanFigures(
        tasks={label: sums[label] for label in get_args(Complexity)},
        docs=sums["docs"],
        hits={cache: sums[f"{cache}_hits"] for cache in get_args(Cache)},
        misses={cache: sums[f"{cache}_misses"] for cache in get_args(Cache)},
        waits_ms={row.kind: Spread(tuple(row.within), row.steps, row.total) for row in waits},
        read_seconds=Spread(tuple(sums["within"]), sums["bundles"], sums["read_seconds"]),
    )


_NOTE = text(
    "INSERT INTO code_plan_figures (plan_id, trivial, moderate, complex, docs, read_seconds,"
    " files_hits, files_misses, graphs_hits, graphs_misses)"
    " VALUES (:plan_id, :trivial, :moderate, :complex, :docs, :read_seconds,"
    " :files_hits, :files_misses, :graphs_hits, :graphs_misses)"
)

_COUNTS = (
    *get_args(Complexity),
    "docs",
    *(f"{cache}_{kind}" for cache in get_args(Cache) for kind in ("hits", "misses")),
)

_SUMS = text(
    "SELECT count(*) AS bundles, coalesce(sum(read_seconds), 0) AS read_seconds,"
    + "".join(f" coalesce(sum({name}), 0)::bigint AS {name}," for name in _COUNTS)
    + " ARRAY(SELECT (SELECT count(*) FROM code_plan_figures WHERE read_seconds <= bound)"
    " FROM unnest(CAST(:bounds AS float[])) AS bound ORDER BY bound) AS within"
    " FROM code_plan_figures"
)

_WAITS = text(
    "WITH waited AS (SELECT s.kind, 1000 * extract(epoch FROM a.ended_at - a.started_at)::float"
    "  AS ms FROM attempts a JOIN steps s ON s.plan_id = a.subject_id"
    "  WHERE a.work = 'selfheal.code_plan' AND a.ending = 'accepted')"
    " SELECT kind, count(*) AS steps, sum(ms) AS total, ARRAY(SELECT (SELECT count(*) FROM waited"
    "  AS one WHERE one.kind = waited.kind AND one.ms <= bound)"
    " FROM unnest(CAST(:bounds AS float[])) AS bound ORDER BY bound) AS within"
    " FROM waited GROUP BY kind ORDER BY kind"
)
