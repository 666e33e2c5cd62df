"""What has ended and grown old goes, batch by batch; what is young or open stays whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest
from sqlalchemy import text

from selfheal.contracts.dead_letter import DeadLetter
from selfheal.flows import report, retention
from selfheal.flows.farm import Farm
from selfheal.flows.fire import fire_now
from selfheal.redaction import Redactor
from selfheal.settings import Settings
from selfheal.store import baselines, dead_letters, firings, requests, schedules
from selfheal.store import retention as rows
from selfheal.store.blobs import SharedStore
from selfheal.store.database import Database
from tests.integration.qdrant_front import QdrantFront

OF_A_PLAN = ("plans", "bundles", "rounds", "coding_tasks", "task_edges", "outbox", "attempts")
DAYS = 86_400


@pytest.fixture
def farm(database: Database, sender) -> Iterator[Farm]:
    settings = Settings(retention={"batch": 2})
    yield Farm(settings, database, sender, redactor=Redactor())


def end(database: Database, request_id: UUID) -> None:
    with database.begin() as connection:
        report.end(
            connection, request_id, state="FAILED", cause="no_fix", reason="nothing found", who="t"
        )


def grow_old(database: Database, request_id: UUID, *, days: float) -> None:
    shift = {"id": request_id, "s": days * DAYS}
    ago = "- make_interval(secs => :s)"
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE events DISABLE TRIGGER USER"))
        for statement in (
            f"UPDATE change_requests SET ended_at = ended_at {ago} WHERE id = :id",
            f"UPDATE events SET at = at {ago} WHERE request_id = :id",
            f"UPDATE outbox SET received_at = received_at {ago} WHERE request_id = :id",
        ):
            connection.execute(text(statement), shift)
        connection.execute(text("ALTER TABLE events ENABLE TRIGGER USER"))


def rows_of(database: Database, request_id: UUID) -> Counter[str]:
    of_plan = "plan_id IN (SELECT id FROM plans WHERE request_id = :id)"
    where = {
        "bundles": of_plan,
        "rounds": of_plan,
        "task_edges": "child_id IN (SELECT id FROM coding_tasks WHERE request_id = :id)",
    }
    found: Counter[str] = Counter()
    with database.begin() as connection:
        for table in (*OF_A_PLAN, "events"):
            condition = where.get(table, "request_id = :id")
            count = text(f"SELECT count(*) FROM {table} WHERE {condition}")
            found[table] = int(connection.execute(count, {"id": request_id}).scalar_one())
    return found


def run(farm: Farm) -> firings.FiringRow:
    message_id = fire_now(farm, "retention")
    with farm.database.begin() as connection:
        row = schedules.load(connection, "retention")
    retention.retention(farm, row.id, message_id=message_id)
    with farm.database.begin() as connection:
        return firings.newest(connection)[row.id]


def test_only_what_ended_long_ago_goes_and_its_row_and_verdict_stay(
    graph_of: Callable, farm: Farm
) -> None:
    old, young, still_open = graph_of([(), (0,)]), graph_of([()]), graph_of([(), (0,)])
    for graph, days in ((old, 91), (young, 89)):
        graph.begin(0)
        end(farm.database, graph.request_id)
        grow_old(farm.database, graph.request_id, days=days)
    grow_old(farm.database, still_open.request_id, days=400)
    kept = (young.request_id, still_open.request_id)
    before = {one: rows_of(farm.database, one) for one in kept}

    said = run(farm)

    assert (said.state, str(said.note)[:19]) == ("done", "1 requests trimmed,")
    left = rows_of(farm.database, old.request_id)
    its_tidying = {"outbox": 1}
    assert {table: left[table] for table in OF_A_PLAN if left[table]} == its_tidying
    assert left["events"] > 0
    with farm.database.begin() as connection:
        row = requests.load(connection, old.request_id)
    assert row.report is not None
    assert (row.state, row.report.cause, row.report.bundle) == ("FAILED", "no_fix", None)
    after = {one: rows_of(farm.database, one) for one in kept}
    for one in kept:  # messages have a shorter life
        assert {**after[one], "outbox": 0} == {**before[one], "outbox": 0}
    assert after[still_open.request_id] == before[still_open.request_id]
    assert str(run(farm).note) == "nothing is old"


def test_more_than_one_batch_goes_in_one_run(graph_of: Callable, farm: Farm) -> None:
    graphs = [graph_of([()]) for _ in range(5)]
    for graph in graphs:
        end(farm.database, graph.request_id)
        grow_old(farm.database, graph.request_id, days=400)

    said = run(farm)

    assert str(said.note).startswith("5 requests trimmed, ")
    assert "events" in str(said.note)
    assert all(rows_of(farm.database, graph.request_id)["events"] == 0 for graph in graphs)


def test_a_batch_takes_no_more_than_it_may(graph_of: Callable, database: Database) -> None:
    for _ in range(5):
        graph = graph_of([()])
        end(database, graph.request_id)
        grow_old(database, graph.request_id, days=400)

    taken = []
    for _ in range(4):
        with database.begin() as connection:
            taken.append(rows.trim_requests(connection, age=90 * DAYS, batch=2))

    assert taken == [2, 2, 1, 0]


def test_messages_that_nobody_began_stay_however_old(graph_of: Callable, farm: Farm) -> None:
    graph = graph_of([(), ()])
    with farm.database.begin() as connection:
        connection.execute(
            text(
                "UPDATE outbox SET created_at = created_at - interval '1 year', received_at ="
                " CASE WHEN subject_id = :began THEN clock_timestamp() - interval '8 days' END"
            ),
            {"began": graph.tasks[0]},
        )

    run(farm)

    assert [row.subject_id for row in graph.rows("outbox") if row.request_id] == [graph.tasks[1]]


def test_old_rows_of_celery_go_and_those_of_open_chords_stay(
    graph_of: Callable, farm: Farm
) -> None:
    graph = graph_of([(), (0,)])
    with farm.database.begin() as connection:
        for table in ("groups", "chords"):
            connection.execute(
                text(
                    f"UPDATE selfheal_results.{table} SET changed_at ="
                    " clock_timestamp() - interval '8 days'"
                )
            )

    said = run(farm)

    assert said.note == "1 rows of Celery"
    with farm.database.begin() as connection:
        left = connection.execute(text("SELECT group_id FROM selfheal_results.chords"))
        assert left.scalars().all() == [str(graph.round_id)]


def test_facts_of_files_go_when_nobody_has_asked_for_them_and_being_asked_for_counts(
    farm: Farm,
) -> None:
    store = SharedStore(farm.database)
    unused, used, young = ("aa" * 20, "bb" * 20, "cc" * 20)
    store.put_many("words/1", {unused: b"1", used: b"2"})
    with farm.database.begin() as connection:
        connection.execute(text("UPDATE blobs SET used_at = used_at - interval '31 days'"))
    store.put_many("words/1", {young: b"3"})
    store.get_many("words/1", [used])

    said = run(farm)

    assert said.note == "1 facts of files"
    left = store.known("words/1", [unused, used, young])
    assert left == {used, young}


def test_old_firings_and_baselines_go_and_open_ones_stay(farm: Farm) -> None:
    run(farm)
    with farm.database.begin() as connection:
        for key, age in (("old", "31 days"), ("young", "29 days")):
            baselines.keep(connection, key, "{}", repo="r", sha="s")
            connection.execute(
                text(
                    "UPDATE baselines SET created_at = created_at - CAST(:age AS interval)"
                    " WHERE key = :key"
                ),
                {"key": key, "age": age},
            )
        connection.execute(
            text(
                "UPDATE firings SET fired_at = fired_at - interval '15 days',"
                " ended_at = ended_at - interval '15 days'"
            )
        )
    waiting = fire_now(farm, "prune")
    with farm.database.begin() as connection:
        connection.execute(text("UPDATE firings SET fired_at = fired_at - interval '15 days'"))

    said = run(farm)

    assert said.note == "1 firings, 1 baselines"
    with farm.database.begin() as connection:
        assert baselines.fetch(connection, "old") is None
        assert baselines.fetch(connection, "young") == "{}"
        assert {row.message_id for row in firings.newest(connection).values()} == {
            waiting,
            said.message_id,
        }


def test_a_dead_letter_is_kept_as_long_as_it_keeps_coming(farm: Farm) -> None:
    run(farm)
    with farm.database.begin() as connection:
        for letter, days in ((letter_of("old"), 91), (letter_of("young"), 89)):
            dead_letters.put(connection, letter)
            connection.execute(
                text(
                    "UPDATE dead_letters SET first_at = first_at - interval '1 year',"
                    " last_at = last_at - make_interval(days => :days) WHERE id = :id"
                ),
                {"id": letter.id, "days": days},
            )

    said = run(farm)

    assert said.note == "1 dead letters"
    with farm.database.begin() as connection:
        assert [row.letter for row in dead_letters.newest(connection, 9)] == [letter_of("young")]


def letter_of(reason: str) -> DeadLetter:
    return DeadLetter(
        id=uuid5(NAMESPACE_OID, reason),
        queue="intake",
        task_name="selfheal.submit",
        reason=reason,
        headers={},
        content_type="application/json",
        content_encoding="utf-8",
        body="{",
        complete=True,
    )


def test_a_vector_engine_forgets_too_and_one_that_is_away_is_no_harm(
    database: Database, sender, tmp_path
) -> None:
    with QdrantFront(tmp_path) as front:
        settings = Settings(index={"qdrant_url": front.url})
        farm = Farm(settings, database, sender, redactor=Redactor())
        while_there = run(farm)
    while_away = run(farm)

    assert front.asked == ["GET /collections"]
    assert (while_there.state, while_away.state) == ("done", "done")
    assert farm.engine is not None
    farm.engine.close()
