"""What a dead worker had taken from a Redis broker, where no row stands behind it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery
from kombu import Connection
from kombu.message import Message

from selfheal.client import Client
from selfheal.contracts import names
from selfheal.unacknowledged import give_back

AT_ONCE = 0.0
LONG = 60.0


@pytest.fixture
def app(broker_url: str) -> Iterator[Celery]:
    made = Celery(broker=broker_url, set_as_current=False)
    yield made
    made.close()


@pytest.fixture
def connection(app: Celery) -> Iterator[Connection]:
    """Of the one who gives back: another one than the dead worker's."""
    with app.connection_for_write() as opened:
        yield opened


@pytest.fixture
def dead_worker(app: Celery) -> Iterator[Any]:
    """A channel that takes messages and acknowledges none, as if its worker had been killed."""
    with app.connection_for_read() as opened:
        channel: Any = opened.default_channel
        channel.qos.restore_at_shutdown = False
        yield channel


def taken(channel: Any, queue: str) -> Message | None:
    found: Message | None = channel.basic_get(queue)
    return found


def send(app: Celery, name: str, **options: Any) -> None:
    app.send_task(name, args=["{}"], queue=names.ROUTES[name], **options)


def test_what_a_client_sent_is_there_for_another_worker(
    broker_url: str, dead_worker: Any, connection: Connection
) -> None:
    Client(broker_url=broker_url).submit(repo="https://x.test", description="d", source="client")
    lost = taken(dead_worker, "intake")
    assert lost and taken(dead_worker, "intake") is None

    assert give_back(connection, older_than=AT_ONCE) == 1

    again = taken(dead_worker, "intake")
    assert again and again.body == lost.body
    assert give_back(connection, older_than=LONG) == 0


def test_what_was_taken_just_now_is_left_to_its_worker(
    app: Celery, dead_worker: Any, connection: Connection
) -> None:
    send(app, names.CANCEL)
    assert taken(dead_worker, "intake")

    assert give_back(connection, older_than=LONG) == 0
    assert taken(dead_worker, "intake") is None


def test_what_is_to_be_done_later_is_not_late(
    app: Celery, dead_worker: Any, connection: Connection
) -> None:
    send(app, names.SUBMIT, eta=datetime.now(UTC) + timedelta(minutes=1))
    assert taken(dead_worker, "intake")

    assert give_back(connection, older_than=AT_ONCE) == 0


def test_what_the_outbox_knows_of_is_left_to_it(
    app: Celery, dead_worker: Any, connection: Connection
) -> None:
    send(app, names.CODE)
    assert taken(dead_worker, "coding")

    assert give_back(connection, older_than=AT_ONCE) == 0


def test_what_was_acknowledged_does_not_come_back(
    app: Celery, dead_worker: Any, connection: Connection
) -> None:
    send(app, names.SET_ASIDE)
    letter = taken(dead_worker, "sweeping")
    assert letter

    dead_worker.basic_ack(letter.delivery_tag)

    assert give_back(connection, older_than=AT_ONCE) == 0
    assert taken(dead_worker, "sweeping") is None
