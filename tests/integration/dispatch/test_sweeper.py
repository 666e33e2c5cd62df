"""The sweeper: what died is taken over, what got lost is sent again, and it ends somewhere."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text

from selfheal.contracts.names import CODE
from selfheal.dispatch.sender import flush
from selfheal.dispatch.settle import settle
from selfheal.dispatch.sweeper import Sweeper
from selfheal.flows.sweep import give_up
from selfheal.settings import Settings
from selfheal.store import attempts, outbox
from selfheal.store.attempts import Work
from selfheal.store.database import Database


def _sweeper(database: Database, sender) -> Sweeper:
    return Sweeper(database, sender, Settings(), give_up=give_up)


def _let_pass(database: Database, seconds: float) -> None:
    """Make everything in the database older, instead of waiting."""
    with database.begin() as connection:
        shift = {"s": seconds}
        ago = "- make_interval(secs => :s)"
        connection.execute(text(f"UPDATE attempts SET heartbeat_at = heartbeat_at {ago}"), shift)
        connection.execute(
            text(f"UPDATE outbox SET sent_at = sent_at {ago}, claimed_until = claimed_until {ago}"),
            shift,
        )
        connection.execute(text(f"UPDATE leases SET expires_at = expires_at {ago}"), shift)


def test_a_silent_attempt_gets_a_successor_with_the_next_token(
    graph_of: Callable, database: Database, sender
) -> None:
    graph = graph_of([()])
    flush(database, sender)
    with database.begin() as connection:
        outbox.mark_received(connection, sender.sent[0].message_id)
    first = graph.begin(0)
    _let_pass(database, 7)

    swept = _sweeper(database, sender).sweep()

    assert swept.taken_over == 1
    assert [message.subject_id for message in sender.sent] == [graph.tasks[0]] * 2
    assert sender.sent[0].message_id != sender.sent[1].message_id
    second = graph.begin(0)
    assert second.token > first.token


def test_a_living_attempt_is_left_alone(graph_of: Callable, database: Database, sender) -> None:
    graph = graph_of([()])
    attempt = graph.begin(0)
    _let_pass(database, 7)
    with database.begin() as connection:
        assert attempts.beat(connection, attempt) == "go_on"

    assert _sweeper(database, sender).sweep().taken_over == 0
    assert graph.begin(0) is None


def test_work_that_kills_every_worker_ends_with_that_reason(
    graph_of: Callable, database: Database, sender
) -> None:
    graph = graph_of([(), (0,)])
    sweeper = _sweeper(database, sender)
    limit = Settings().attempts.max_takeovers
    for _ in range(limit + 1):
        assert graph.begin(0) is not None
        _let_pass(database, 7)
        sweeper.sweep()

    results = {row.task_id: row for row in graph.rows("commit_results")}
    assert results[graph.tasks[0]].status == "HARD_FAIL"
    assert "workers died" in results[graph.tasks[0]].document["reason"]
    assert graph.tasks[1] in results
    assert graph.lands() == 1
    assert graph.begin(0) is None


def test_work_of_a_plan_that_kills_every_worker_ends_the_request(
    graph_of: Callable, database: Database, sender
) -> None:
    graph = graph_of([()])
    work = Work("selfheal.land", graph.round_id, graph.request_id)
    sweeper = _sweeper(database, sender)
    for _ in range(Settings().attempts.max_takeovers + 1):
        with database.begin() as connection:
            begun = attempts.begin(connection, work, worker="w", message_id=None, dead_after=60)
        assert begun is not None
        _let_pass(database, 7)
        sweeper.sweep()

    row = next(row for row in graph.rows("change_requests") if row.id == graph.request_id)
    assert row.state == "FAILED"
    assert "workers died at selfheal.land" in row.reason


def test_what_the_broker_did_not_take_is_sent_when_it_is_back(
    graph_of: Callable, database: Database, sender
) -> None:
    graph = graph_of([()])
    sender.down = True
    assert flush(database, sender) == 0

    sender.down = False
    _sweeper(database, sender).sweep()

    assert [message.subject_id for message in sender.sent] == [graph.tasks[0]]


def test_a_message_that_the_broker_lost_is_sent_again_under_its_id(
    graph_of: Callable, database: Database, sender
) -> None:
    graph_of([()])
    flush(database, sender)
    sweeper = _sweeper(database, sender)

    sweeper.sweep()
    assert len(sender.sent) == 1, "too early to say that it is lost"

    _let_pass(database, 5)
    sweeper.sweep()
    assert len({message.message_id for message in sender.sent}) == 1
    assert len(sender.sent) == 2


def test_a_message_that_waits_its_turn_is_not_sent_again(
    graph_of: Callable, database: Database, sender
) -> None:
    graph_of([()])
    flush(database, sender)
    sender.waiting = {"coding": 1}
    _let_pass(database, 60)

    assert _sweeper(database, sender).sweep().sent_again == 0


def test_a_message_that_was_begun_is_not_sent_again(
    graph_of: Callable, database: Database, sender
) -> None:
    graph_of([()])
    flush(database, sender)
    with database.begin() as connection:
        outbox.mark_received(connection, sender.sent[0].message_id)
    _let_pass(database, 60)

    assert _sweeper(database, sender).sweep().sent_again == 0


def test_a_sender_that_died_between_claim_and_send_loses_nothing(
    graph_of: Callable, database: Database, sender
) -> None:
    graph = graph_of([()])
    with database.begin() as connection:
        claimed = outbox.claim_unsent(connection, limit=10, window=10)
    assert len(claimed) == 1
    assert flush(database, sender) == 0, "it is claimed"

    _let_pass(database, outbox.CLAIM_SECONDS + 1)
    flush(database, sender)

    assert [message.subject_id for message in sender.sent] == [graph.tasks[0]]


def test_the_most_urgent_message_goes_first(graph_of: Callable, database: Database, sender) -> None:
    graph = graph_of([(), (), (1,), (2,)])

    flush(database, sender)

    assert [graph.tasks.index(message.subject_id) for message in sender.sent] == [1, 0]


def test_a_settled_task_needs_no_message(graph_of: Callable, database: Database, sender) -> None:
    graph = graph_of([()])
    attempt = graph.begin(0)
    with database.begin() as connection:
        settle(connection, attempt, graph.result(0))
    _let_pass(database, 60)

    _sweeper(database, sender).sweep()

    tasks = [message.task_name for message in sender.sent if message.task_name == CODE]
    assert len(tasks) <= 1
    assert graph.begin(0) is None
