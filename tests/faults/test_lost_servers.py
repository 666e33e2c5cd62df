"""The broker or the database goes away, with its data or without, and comes back."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from selfheal.cli.farm import Own
from selfheal.cli.processes import Command, sweeper
from selfheal.client import Client
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.names import POOLS
from selfheal.embedded.postgres import Postgres
from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.valkey import Valkey
from selfheal.errors import StoreUnavailable
from selfheal.flows import submit
from tests.faults.calm import complaints, open_requests, story
from tests.faults.storm import storm_worker, stormy_farm, stormy_settings
from tests.faults.storm_work import LEDGER, Load

TERMINAL_SECONDS = 60.0
PATIENCE_SECONDS = 400.0


@contextmanager
def quiet_farm(place: Path, *arguments: str, workers: int = 1) -> Iterator[Own]:
    """A farm with the work of a storm, and nothing that strikes it."""
    commands: list[Command] = [sweeper()]
    commands += [
        storm_worker(f"worker-{number}", POOLS, *arguments, children=3) for number in range(workers)
    ]
    with stormy_farm(stormy_settings(place / "run"), *commands) as own:
        with own.farm.database.begin() as connection:
            connection.execute(text(LEDGER))
        yield own


def request(load: Load) -> ChangeRequest:
    return ChangeRequest(
        repo="https://storm.test/1",
        description="weather",
        source="client",
        context={**load.model_dump(mode="json"), "base_sha": uuid4().hex},
    )


def accept(own: Own, load: Load) -> UUID:
    return submit.submit(own.farm, request(load), door="terminal").id


def await_that(
    own: Own, condition: Callable[[], object], *, what: str, seconds: float = PATIENCE_SECONDS
) -> None:
    """Keep the processes alive until it is so; servers stay as the test left them."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(StoreUnavailable):
            if condition():
                return
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s\n{story(own)}"
        own.processes.keep_alive()
        time.sleep(0.05)


def await_all_well(own: Own, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Every request has ended, and nothing is wrong."""
    await_that(own, lambda: not open_requests(own.farm), what="every end", seconds=seconds)
    await_that(own, lambda: not complaints(own), what="agreement", seconds=60.0)


def settled(own: Own) -> int:
    with own.farm.database.begin() as connection:
        count: int = connection.execute(text("SELECT count(*) FROM commit_results")).scalar_one()
        return count


def ended(own: Own) -> int:
    with own.farm.database.begin() as connection:
        count: int = connection.execute(
            text("SELECT count(*) FROM change_requests WHERE ended_at IS NOT NULL")
        ).scalar_one()
        return count


def kill_broker(own: Own, *, with_its_data: bool) -> None:
    valkey = Valkey(RunFolder.open(own.farm.settings.run_folder))
    valkey.processes.end([(signal.SIGKILL, 10.0)])
    for file in valkey.data.rglob("*") if with_its_data else ():
        if file.is_file():
            file.unlink()
    own.servers.keep_alive()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("with_its_data", [False, True], ids=["kept", "deleted"])
def test_no_request_that_waits_is_lost_with_the_broker(
    with_its_data: bool, quick_disk: Path
) -> None:
    many = 1000
    place = quick_disk / uuid4().hex
    with quiet_farm(place, workers=0) as own:
        for _ in range(many):
            accept(own, Load(tasks=0, seconds=0))

        kill_broker(own, with_its_data=with_its_data)
        began = time.monotonic()
        own.processes.start(storm_worker("worker", POOLS, children=3))

        await_all_well(own)
        assert ended(own) == many
        print(f"{many} requests, {many / (time.monotonic() - began):.0f} requests/s")


@pytest.mark.slow
def test_what_clients_sent_outlives_a_broker_that_is_killed(quick_disk: Path) -> None:
    with quiet_farm(quick_disk / uuid4().hex, workers=0) as own:
        client = Client(broker_url=own.servers.broker_url)
        sent = {client.submit(request(Load(tasks=0, seconds=0))).id for _ in range(20)}

        kill_broker(own, with_its_data=False)
        own.processes.start(storm_worker("worker", POOLS, children=3))

        await_that(own, lambda: ended(own) >= len(sent), what="an end of each")
        await_all_well(own)
        assert ended(own) == len(sent)


@pytest.mark.timeout(300)
@pytest.mark.slow
@pytest.mark.parametrize("seconds_away", [2.0, 30.0])
def test_every_task_ends_after_the_database_was_away_during_fan_in(
    seconds_away: float, quick_disk: Path
) -> None:
    width = 30
    with quiet_farm(quick_disk / uuid4().hex) as own:
        accept(own, Load(tasks=width, parents=0, seconds=0.1, soft=0, hard=0))
        await_that(own, lambda: settled(own) > width // 2, what="half of the parts")

        Postgres(RunFolder.open(own.farm.settings.run_folder)).processes.end([(signal.SIGQUIT, 10)])
        back = time.monotonic() + seconds_away
        await_that(own, lambda: time.monotonic() > back, what="a while")
        own.servers.keep_alive()

        await_all_well(own, seconds=TERMINAL_SECONDS)
        assert settled(own) == width


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_work_that_outlasts_the_visibility_timeout_has_one_effect(quick_disk: Path) -> None:
    """The broker gives it out again and again; each copy finds it in other hands."""
    with quiet_farm(quick_disk / uuid4().hex, "--visibility", "2") as own:
        accept(own, Load(tasks=4, parents=0, seconds=8.0, soft=0, hard=0))

        await_all_well(own)

        log = (own.farm.settings.run_folder / "logs" / "worker-0.log").read_text()
        copies = [line for line in log.splitlines() if "attempt.skip" in line]
        assert len([line for line in copies if '"work": "selfheal.code"' in line]) >= 2, log
        assert settled(own) == 4
