"""What an autoscaler outside of the farm is told of each pool."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml
from sqlalchemy import text

from selfheal.contracts import names
from selfheal.contracts.names import POOLS
from selfheal.settings import Settings
from selfheal.store import attempts, backlog, outbox
from selfheal.store.attempts import Work
from selfheal.store.backlog import Backlog
from selfheal.store.database import Database
from tests.integration.dispatch.conftest import Graph

KEDA = Path(__file__).parents[3] / "config" / "k8s" / "keda-heavy-workers.yaml"


def read(database: Database) -> dict[str, Backlog]:
    with database.begin() as connection:
        return dict(backlog.of_pools(connection))


def begin(graph: Graph, index: int) -> attempts.Attempt:
    """As a worker does: the message is received in the transaction that begins the attempt."""
    subject = graph.tasks[index]
    with graph.database.begin() as connection:
        message = connection.execute(
            text("SELECT message_id FROM outbox WHERE subject_id = :id"), {"id": subject}
        ).scalar_one()
        outbox.mark_received(connection, message)
        begun = attempts.begin(
            connection,
            Work(names.CODE, subject, graph.request_id),
            worker="here:1",
            message_id=message,
            dead_after=60,
        )
    assert begun is not None
    return begun


def test_a_farm_without_work_has_a_row_of_zeros_for_each_pool(database: Database) -> None:
    rows = read(database)

    assert sorted(rows) == sorted(POOLS)
    assert {(row.ready, row.running, row.wanted) for row in rows.values()} == {(0, 0, 0)}


def test_what_waits_and_what_runs_is_counted_until_it_ends(
    database: Database, graph_of: Callable[..., Graph]
) -> None:
    graph = graph_of([(), (), ()])
    before = read(database)["coding"]
    begun = begin(graph, 0)
    during = read(database)["coding"]
    with database.begin() as connection:
        attempts.finish(connection, begun, "accepted", note="done")
    after = read(database)["coding"]

    assert (before.ready, before.running, before.wanted) == (3, 0, 3)
    assert (during.ready, during.running, during.wanted) == (2, 1, 3)
    assert (after.ready, after.running, after.wanted) == (2, 0, 2)
    assert after.oldest_age_seconds >= before.oldest_age_seconds > 0


def test_the_query_that_keda_asks_sums_the_heavy_pools(
    database: Database, graph_of: Callable[..., Graph]
) -> None:
    _, scaled = yaml.safe_load_all(KEDA.read_text())
    (trigger,) = scaled["spec"]["triggers"]
    query = trigger["metadata"]["query"]
    settings = Settings()
    light = sorted(pool for pool, profile in settings.pools.items() if profile.light)

    with database.begin() as connection:
        idle = connection.execute(text(query)).scalar_one()
    graph_of([(), ()])
    with database.begin() as connection:
        busy = connection.execute(text(query)).scalar_one()

    # The graph's request is new to this database, so nothing but its two tasks waits.
    assert (idle, busy) == (0, 2)
    assert all(f"'{pool}'" in query for pool in light)
    assert int(trigger["metadata"]["targetQueryValue"]) == settings.pools["coding"].processes
