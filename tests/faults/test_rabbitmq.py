"""The farm on RabbitMQ: nothing but the broker's own settings depends on Redis."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection
from kombu.exceptions import ChannelError

from selfheal.client import Client
from selfheal.contracts import names
from selfheal.contracts.change_request import SUITE_PASSES
from tests.faults.conftest import fresh_arena
from tests.faults.harness import WORKER, Arena, Boundary, Victim
from tests.faults.invariants import check_all
from tests.faults.project import plant
from tests.faults.rabbitmq import Rabbit, rabbitmq

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow]

ONE = ("shop/stock.py",)
TIMEOUT = ("{consumer_timeout, 3000}", "{channel_tick_interval, 500}")
"""Milliseconds that a message may be held, and between two looks at that."""


@pytest.fixture(scope="module")
def rabbit() -> Iterator[Rabbit]:
    with tempfile.TemporaryDirectory() as folder, rabbitmq(Path(folder), *TIMEOUT) as running:
        yield running


@pytest.fixture(scope="module")
def farm(rabbit: Rabbit, quick_disk: Path) -> Iterator[Arena]:
    with fresh_arena(
        quick_disk,
        broker_url=rabbit.url,
        sweep={"interval_seconds": 0.25},
        broker={"resend_after_seconds": 1.0},
        safety={"allow_repos": ("/*",)},
    ) as made:
        yield made


def test_a_request_of_a_client_is_healed_although_a_child_dies(farm: Arena, tmp_path: Path) -> None:
    origin = plant(tmp_path, broken=("shop/price.py", "shop/cart.py"))
    handle = Client(broker_url=farm.own.servers.broker_url).submit(
        repo=str(origin), description="red", acceptance_criteria=(SUITE_PASSES,)
    )
    farm.await_acceptance(handle.id)

    victim = farm.strike(handle.id, Boundary(names.CODE, "drafted"), farm.kill_child)

    check_all(farm, handle.id, origin)
    assert farm.endings(victim) == ["lost", "accepted"]


def test_work_that_outlives_the_consumer_timeout_has_one_attempt_and_one_effect(
    farm: Arena, tmp_path: Path
) -> None:
    origin = plant(tmp_path, broken=ONE)
    request_id = farm.submit(origin)
    log = farm.settings.run_folder / "logs" / f"{WORKER}.log"

    def outlive(_: Victim) -> None:
        said = "PRECONDITION_FAILED - delivery acknowledgement"
        farm.await_that(lambda: said in log.read_text(), what="a channel that the broker closed")

    worker = farm.processes.pids[WORKER]
    victim = farm.strike(request_id, Boundary(names.CODE, "drafted"), outlive)

    check_all(farm, request_id, origin)
    assert farm.endings(victim) == ["accepted"]
    assert farm.processes.pids[WORKER] == worker, "the worker lived on"


def test_a_message_that_is_no_good_is_set_aside(farm: Arena, rabbit: Rabbit) -> None:
    with Connection(rabbit.url) as connection:
        connection.Producer().publish(b"5", routing_key="coding", content_type="application/json")

    letters = "SELECT queue, reason FROM dead_letters"
    farm.await_that(lambda: farm.rows(letters), what="a letter")

    assert [tuple(row) for row in farm.rows(letters)] == [
        ("coding", "it has no header `task`: expected a Celery message (protocol 2)")
    ]


def test_a_queue_that_somebody_deletes_holds_nothing_and_is_made_again(
    farm: Arena, rabbit: Rabbit
) -> None:
    with Connection(rabbit.url) as connection:
        connection.default_channel.queue_delete("executing")

    assert farm.farm.sender.ready("executing") == 0
    farm.await_that(lambda: _exists("executing", rabbit.url), what="the queue that was deleted")


def _exists(queue: str, url: str) -> bool:
    with Connection(url) as connection:
        try:
            connection.default_channel.queue_declare(queue, passive=True)
        except ChannelError:
            return False
    return True
