"""A farm that reaches its servers over a network that is slow, or cuts or swallows connections."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from selfheal.celery import farm_of
from selfheal.cli.farm import Own
from selfheal.cli.processes import running, sweeper
from selfheal.contracts.names import POOLS
from selfheal.embedded.postgres import NAME, PORT, Postgres
from selfheal.embedded.provider import Servers, start_servers
from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.valkey import Valkey
from selfheal.settings import Settings
from selfheal.store import migrate
from tests.faults.proxy import Proxy, proxied
from tests.faults.storm import storm_worker
from tests.faults.storm_work import LEDGER, Load
from tests.faults.test_lost_servers import accept, await_all_well, await_that, settled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

STUCK_SECONDS = 90.0
TASKS = 12
LOAD = Load(tasks=TASKS, seconds=0.5, soft=0, hard=0)


@dataclass(frozen=True)
class Distant:
    """A farm whose processes reach both servers through proxies. The test itself does not."""

    own: Own
    database: Proxy
    broker: Proxy

    @property
    def ways(self) -> tuple[Proxy, Proxy]:
        return self.database, self.broker


@contextmanager
def distant_farm(place: Path) -> Iterator[Distant]:
    settings = Settings(farm={"run_folder": place / "run"})
    folder = RunFolder.open(settings.run_folder)
    with (
        start_servers(folder) as near,
        proxied(Postgres(folder).sockets / f".s.PGSQL.{PORT}") as database,
        proxied(Valkey(folder).socket) as broker,
    ):
        far = Servers(
            database_url=f"postgresql+psycopg://{NAME}@127.0.0.1:{database.port}/{NAME}",
            broker_url=f"redis://127.0.0.1:{broker.port}/0",
        )
        farm = farm_of(settings, near)
        migrate.upgrade(farm.database.engine)
        with farm.database.begin() as connection:
            connection.execute(text(LEDGER))
        commands = (storm_worker("worker", POOLS, children=3), sweeper())
        with closing(farm.database), running(settings, far, commands) as processes:
            yield Distant(Own(farm, near, processes), database, broker)


@pytest.fixture
def far(quick_disk: Path) -> Iterator[Distant]:
    with distant_farm(quick_disk / uuid4().hex) as made:
        accept(made.own, LOAD)
        await_that(made.own, lambda: settled(made.own) > 1, what="the first tasks")
        yield made


def test_late_by_200_ms(far: Distant) -> None:
    for way in far.ways:
        way.network.latency_seconds = 0.1  # each way

    await_all_well(far.own, seconds=2 * STUCK_SECONDS)  # a round trip for each statement

    assert settled(far.own) == TASKS


def test_cut_in_the_midst_of_messages_again_and_again(far: Distant) -> None:
    for way in far.ways:
        way.network.cut_after_bytes = 20_000
    await_that(far.own, lambda: min(way.cuts for way in far.ways) >= 3, what="a few cuts")
    for way in far.ways:
        way.network.cut_after_bytes = None

    await_all_well(far.own, seconds=STUCK_SECONDS)

    assert settled(far.own) == TASKS


@pytest.mark.parametrize("which", ["database", "broker", "both"])
def test_half_open_for_a_minute(which: str, far: Distant) -> None:
    silent = far.ways if which == "both" else (getattr(far, which),)
    for way in silent:
        way.network.silent = True
    healed = time.monotonic() + 60.0
    await_that(far.own, lambda: time.monotonic() > healed, what="a minute")
    for way in silent:
        way.network.silent = False

    await_all_well(far.own, seconds=STUCK_SECONDS)

    assert settled(far.own) == TASKS
