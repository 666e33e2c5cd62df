"""A bundle of 10,000 tasks: what opening it costs, how long it takes, what it leaves behind."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import text

from figures.farm_run import await_that, no_op_farm
from figures.figure import Figure
from figures.graphs import random_graph
from figures.rounds import all_settled, open_round_of
from selfheal.cli.farm import Own
from selfheal.flows.cancel import cancel
from selfheal.results.cleanup import Retention, cleanup
from selfheal.results.pool import Pool
from selfheal.settings import Settings
from selfheal.store import retention

CHILDREN = 2
BATCH = 500
_MB = 1 << 20


def figures(place: Path, *, tasks: int) -> Iterator[Figure]:
    """Seconds and memory of opening the round, seconds of the run, rows and their retention."""
    settings = Settings(farm={"run_folder": place / "bundle"})
    graph = random_graph(tasks, random.Random(7))
    with no_op_farm(settings, children=CHILDREN) as own:
        rows, size = _rows(own), _bytes(own)
        memory, began = _resident(), time.monotonic()
        opened = open_round_of(own.farm.database, graph)
        opening, grown = time.monotonic() - began, _resident() - memory
        own.farm.flush()
        await_that(
            lambda: all_settled(own.farm.database, [opened]), what="the bundle", seconds=7200.0
        )
        seconds = time.monotonic() - began
        left, left_size = _rows(own), _bytes(own)
        cancel(own.farm, opened.request_id, who="the benchmark")
        _retain(own)
        kept = _rows(own)
    name = f"bundle of {tasks}"
    yield Figure(name=f"{name}: opening its round", ours=opening, unit="s", goal="")
    yield Figure(name=f"{name}: memory that this takes", ours=grown / _MB, unit="MB", goal="")
    yield Figure(name=f"{name}: no-op bodies, {CHILDREN} children", ours=seconds, unit="s", goal="")
    yield Figure(
        name=f"{name}: disk per task",
        ours=(left_size - size) / tasks / 1024,
        unit="KB",
        goal="",
    )
    for table in sorted(left):
        if left[table] > rows[table]:
            after = max(0.0, kept[table] - rows[table])
            yield Figure(
                name=f"{name}: {table}, {after:.0f} after retention",
                ours=left[table] - rows[table],
                unit="rows",
                goal="",
            )


def _resident() -> float:
    """Bytes of this process's memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096.0


def _rows(own: Own) -> dict[str, float]:
    with own.farm.database.statement() as connection:
        names = connection.execute(_TABLES).scalars().all()
    counts = {}
    for name in names:
        with own.farm.database.statement() as connection:
            counts[name] = connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
    return counts


def _bytes(own: Own) -> float:
    with own.farm.database.statement() as connection:
        size: int = connection.execute(_SIZE).scalar_one()
    return float(size)


_TABLES = text(
    "SELECT schemaname || '.' || relname FROM pg_stat_user_tables"
    " WHERE relname NOT IN ('alembic_version', 'versions') ORDER BY 1"
)
_SIZE = text("SELECT pg_database_size(current_database())")


def _retain(own: Own) -> None:
    """The rules of the job, with an age of nothing."""
    for delete in (retention.trim_requests, retention.delete_events, retention.delete_messages):
        more = True
        while more:
            with own.farm.database.begin() as connection:
                more = delete(connection, age=0.0, batch=BATCH) == BATCH
    pool = Pool(own.servers.database_url, size=1)
    cleanup(pool, Retention(results=0.0, failures=0.0, groups=0.0, chords=0.0))
    pool.discard_idle()
