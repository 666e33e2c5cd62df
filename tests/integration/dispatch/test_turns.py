"""Which message goes next: repositories take turns, and a queue takes so many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

from sqlalchemy import text

from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.names import CODE, LAND
from selfheal.dispatch.sender import flush
from selfheal.store import outbox, requests
from selfheal.store.database import Database


def _request(database: Database, repo: str) -> UUID:
    request = ChangeRequest(repo=repo, description=f"{uuid4()}", source="cli")
    with database.begin() as connection:
        return requests.accept(connection, request).id


def _put(
    database: Database, request_id: UUID, urgencies: Sequence[int], *, delay: float = 0.0
) -> tuple[UUID, ...]:
    subjects = tuple(uuid4() for _ in urgencies)
    with database.begin() as connection:
        outbox.put_all(
            connection,
            CODE,
            list(zip(subjects, urgencies, strict=True)),
            request_id=request_id,
            delay_seconds=delay,
        )
    return subjects


def test_a_small_request_does_not_wait_behind_a_large_one(database: Database, sender) -> None:
    large = _put(database, _request(database, "/large"), [5] * 50)
    small = _put(database, _request(database, "/small"), [1, 1])

    flush(database, sender)

    order = [message.subject_id for message in sender.sent]
    assert len(order) == 4
    assert set(order) >= set(small)
    assert set(order) <= {*large, *small}


def test_within_a_repository_the_longest_way_goes_first(database: Database, sender) -> None:
    subjects = _put(database, _request(database, "/one"), [1, 3, 2])

    flush(database, sender)

    assert [message.subject_id for message in sender.sent] == [subjects[i] for i in (1, 2, 0)]


def test_what_exceeds_the_window_waits_until_something_was_begun(
    database: Database, sender
) -> None:
    _put(database, _request(database, "/one"), [0] * 5)

    assert flush(database, sender, window=3) == 3
    assert flush(database, sender, window=3) == 0

    with database.begin() as connection:
        assert outbox.mark_received(connection, sender.sent[0].message_id), "there is room now"
    assert flush(database, sender, window=3) == 1


def test_who_begins_a_message_hears_of_more_only_where_more_may_be_sent(
    database: Database, sender
) -> None:
    request_id = _request(database, "/one")
    _put(database, request_id, [0])
    _put(database, request_id, [0], delay=3600)
    with database.begin() as connection:
        outbox.put(connection, LAND, uuid4(), request_id=request_id)
    flush(database, sender)

    with database.begin() as connection:
        assert not outbox.mark_received(connection, sender.sent[0].message_id)
        assert not outbox.mark_received(connection, sender.sent[0].message_id), "a second copy"


def test_a_full_queue_holds_no_other_queue_back(database: Database, sender) -> None:
    request_id = _request(database, "/one")
    _put(database, request_id, [0] * 3)
    flush(database, sender, window=3)
    with database.begin() as connection:
        outbox.put(connection, LAND, uuid4(), request_id=request_id)

    assert flush(database, sender, window=3) == 1

    assert sender.sent[-1].pool == "landing"


def test_what_is_to_be_sent_later_is_not_sent_now(database: Database, sender) -> None:
    _put(database, _request(database, "/one"), [0], delay=3600)

    assert flush(database, sender) == 0

    with database.begin() as connection:
        connection.execute(text("UPDATE outbox SET not_before = clock_timestamp()"))
    assert flush(database, sender) == 1


def test_many_senders_at_once_send_each_message_once(database: Database, sender) -> None:
    for repo in range(7):
        _put(database, _request(database, f"/{repo}"), range(60))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: flush(database, sender, window=500), range(8)))
    flush(database, sender, window=500)

    times = Counter(message.message_id for message in sender.sent)
    assert set(times.values()) == {1}
    assert len(times) == 420
