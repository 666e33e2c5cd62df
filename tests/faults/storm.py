"""Many requests at once, and blow upon blow: `python -m tests.faults.storm --kills 1000 --seed 7`.

The farm's processes are real and so is all that they keep; only the work is a wait (`storm_work`).
A seed says which blows fall and in which order. When a blow falls, and on whom exactly, depends on
the machine as well: a seed that found something finds it again often, not always.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from selfheal.cli.farm import Own, own_farm
from selfheal.cli.processes import Command, sweeper
from selfheal.client import Client
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.names import POOLS, Pool
from selfheal.embedded.postgres import Postgres
from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.valkey import Valkey
from selfheal.errors import BrokerUnavailable, SelfhealError, StoreUnavailable
from selfheal.flows import submit
from selfheal.settings import Settings
from tests.faults.calm import complaints, open_requests, story
from tests.faults.storm_work import LEDGER, Load

SCRIPT = Path(__file__).with_name("storm_worker.py")
SEEDS = Path(__file__).with_name("seeds.txt")
"""Storms that found something once, one seed in a line; the long run repeats them."""

CALM_SECONDS = 90.0
"""After the last blow everything is to end within this, on a busy machine too."""

_DEAD_AFTER = 1.5
_BETWEEN_DEATHS = 8.0  # `selfheal up` gives up on a process that dies five times in 30 s
_STARTING = 4.0  # a worker whose children die before it is ready ends with them
_POLL_SECONDS = 0.02
_ACCEPT_SECONDS = 20.0

Blow = Callable[[], bool]
"""Falls on somebody and says so; False where nobody is there to be struck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How many blows of each kind, and how many requests are open meanwhile."""

    children: int
    workers: int
    sweepers: int = 0
    pauses: int = 0
    brokers: int = 0
    forgettings: int = 0
    databases: int = 0
    open_requests: int = 6
    most_tasks: int = 40
    mean_seconds: float = 0.3

    @classmethod
    def of_kills(cls, kills: int) -> Weather:
        """One kill in ten takes a whole worker; the other blows come on top."""
        few, seldom = max(1, kills // 50), max(1, kills // 150)
        return cls(
            children=kills - kills // 10,
            workers=kills // 10,
            sweepers=few,
            pauses=few,
            brokers=seldom,
            forgettings=seldom,
            databases=seldom,
        )


@dataclass(slots=True)
class Log:
    """What has happened so far."""

    blows: Counter[str] = field(default_factory=Counter)
    accepted: set[UUID] = field(default_factory=set)
    sent: dict[UUID, ChangeRequest] = field(default_factory=dict)
    """By a client, and not accepted yet."""
    sent_again: int = 0

    @property
    def kills(self) -> int:
        """Children and whole workers."""
        return self.blows["child"] + self.blows["worker"]


class Storm:
    """A farm under blows; `rage` lets them fall, `calm` waits for the end of all requests."""

    def __init__(self, own: Own, settings: Settings, weather: Weather, *, seed: int) -> None:
        self.log = Log()
        self._own = own
        self._settings = settings
        self._weather = weather
        self._chance = random.Random(seed)
        self._folder = RunFolder.open(settings.run_folder)
        self._client = Client(broker_url=own.servers.broker_url)
        self._started: dict[str, float] = {}
        self._forked: dict[int, float] = {}
        self._asleep: list[tuple[float, int]] = []
        with own.farm.database.begin() as connection:
            connection.execute(text(LEDGER))

    def rage(self) -> None:
        """Every blow of the weather, in random order at random moments, under load."""
        for name, blow in self._deck():
            self._await(self._busy, what="requests that are worked at")
            self._await(blow, what=f"somebody for the blow {name}")
            self.log.blows[name] += 1
            if self.log.blows.total() % 100 == 0:
                print(f"{self.log.kills} kills, {len(self.log.accepted)} requests", flush=True)
            self._pass(self._chance.expovariate(1 / self._weather.mean_seconds))

    def calm(self) -> list[str]:
        """What is wrong after everything has ended, or should have."""
        deadline = time.monotonic() + CALM_SECONDS
        while time.monotonic() < deadline:
            self._pass(0.2)
            self._send_again()
            with suppress(StoreUnavailable):
                if not self.log.sent and not open_requests(self._own.farm):
                    break
        found = complaints(self._own)
        while found and time.monotonic() < deadline:  # tidying goes on after a request's end
            self._pass(0.2)
            found = complaints(self._own)
        return found + [f"never accepted: {one}" for one in self.log.sent]

    def _deck(self) -> list[tuple[str, Blow]]:
        weather = self._weather
        deck: list[tuple[str, Blow]] = [
            *[("child", self._kill_child)] * weather.children,
            *[("worker", self._kill_worker)] * weather.workers,
            *[("sweeper", self._kill_sweeper)] * weather.sweepers,
            *[("pause", self._pause)] * weather.pauses,
            *[("broker", self._kill_broker)] * weather.brokers,
            *[("broker's data", self._lose_broker_data)] * weather.forgettings,
            *[("database", self._kill_database)] * weather.databases,
        ]
        self._chance.shuffle(deck)
        return deck

    def _await(self, condition: Callable[[], bool], *, what: str) -> None:
        deadline = time.monotonic() + CALM_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: none within {CALM_SECONDS:.0f} s")
            self._pass(_POLL_SECONDS)

    def _pass(self, seconds: float) -> None:
        """Let time go by, with the farm's dead started again and its sleepers woken."""
        deadline = time.monotonic() + seconds
        while True:
            self._started.update(dict.fromkeys(self._own.keep_alive(), time.monotonic()))
            self._wake(time.monotonic())
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _POLL_SECONDS))

    def _wake(self, now: float) -> None:
        for until, pid in [one for one in self._asleep if one[0] <= now]:
            self._asleep.remove((until, pid))
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _busy(self) -> bool:
        """Keep as many requests open as the weather wants; one in three comes from a client."""
        try:
            missing = self._weather.open_requests - len(open_requests(self._own.farm))
            for _ in range(missing - len(self.log.sent)):
                self._submit()
            self._send_again()
        except StoreUnavailable:
            return False
        return True

    def _submit(self) -> None:
        request = self._request()
        if self._chance.random() < 1 / 3:
            self.log.sent[request.id] = request
            with suppress(BrokerUnavailable):
                self._client.submit(request)
        else:
            submit.submit(self._own.farm, request, door="terminal")
            self.log.accepted.add(request.id)

    def _send_again(self) -> None:
        """A client sends once more what was not accepted for long: the broker may have lost it."""
        with self._own.farm.database.begin() as connection:
            rows = connection.execute(
                text("SELECT id FROM change_requests WHERE id = ANY(:ids)"),
                {"ids": list(self.log.sent)},
            )
            for (request_id,) in rows:
                del self.log.sent[request_id]
                self.log.accepted.add(request_id)
        for request in self.log.sent.values():
            if _age(request) > _ACCEPT_SECONDS * (1 + self.log.sent_again):
                self.log.sent_again += 1
                with suppress(BrokerUnavailable):
                    self._client.submit(request)

    def _request(self) -> ChangeRequest:
        names = (f"shop.part_{number}" for number in self._chance.sample(range(8), 2))
        load = Load(tasks=self._chance.randint(5, self._weather.most_tasks), symbols=tuple(names))
        return ChangeRequest(
            repo=f"https://storm.test/{self._chance.randrange(3)}",
            description="weather",
            source="client",
            # What makes it another request than the one before it.
            context={**load.model_dump(mode="json"), "base_sha": uuid4().hex},
        )

    def _kill_child(self) -> bool:
        """One that works, if any does; now and then whoever."""
        pid = self._child(working=self._chance.random() < 0.8)
        return pid is not None and _signalled(pid, signal.SIGKILL)

    def _kill_worker(self) -> bool:
        """With all its children, or its main process alone."""
        names = self._older_than(_BETWEEN_DEATHS, "worker")
        name = self._chance.choice(names) if names else None
        if name is None or not self._children(self._own.processes.pids[name]):
            return False
        alone = self._chance.random() < 0.25
        (os.kill if alone else os.killpg)(self._own.processes.pids[name], signal.SIGKILL)
        return True

    def _kill_sweeper(self) -> bool:
        names = self._older_than(_BETWEEN_DEATHS, "sweeper")
        if not names:
            return False
        name = self._chance.choice(names)
        return _signalled(self._own.processes.pids[name], signal.SIGKILL)

    def _pause(self) -> bool:
        """A child sleeps for longer than it takes to be counted as dead."""
        pid = self._child(working=True)
        if pid is None or not _signalled(pid, signal.SIGSTOP):
            return False
        self._asleep.append((time.monotonic() + self._chance.uniform(2, 3) * _DEAD_AFTER, pid))
        return True

    def _kill_broker(self) -> bool:
        Valkey(self._folder).processes.end([(signal.SIGKILL, 10.0)])
        self._own.servers.keep_alive()
        return True

    def _lose_broker_data(self) -> bool:
        valkey = Valkey(self._folder)
        valkey.processes.end([(signal.SIGKILL, 10.0)])
        for file in valkey.data.rglob("*"):
            if file.is_file():
                file.unlink()
        self._own.servers.keep_alive()
        return True

    def _kill_database(self) -> bool:
        """All its processes at once; it is away for a while, and recovers from its log."""
        Postgres(self._folder).processes.end([(signal.SIGKILL, 10.0)])
        self._own.servers.keep_alive()
        return True

    def _child(self, *, working: bool) -> int | None:
        """A child of a worker, if there is one that may be struck."""
        asleep = {pid for _, pid in self._asleep}
        alive = [
            pid
            for name, main in self._own.processes.pids.items()
            if name.startswith("worker")
            for pid in self._children(main)
            if pid not in asleep
        ]
        if working:
            busy = self._at_work()
            alive = [pid for pid in alive if pid in busy] or alive
        return self._chance.choice(alive) if alive else None

    def _children(self, main: int) -> list[int]:
        """Of a worker that has had some for a while: a busy machine takes long to start one."""
        found = _children(main)
        if not found:
            return []
        since = self._forked.setdefault(main, time.monotonic())
        return found if time.monotonic() - since > _STARTING else []

    def _at_work(self) -> set[int]:
        try:
            with self._own.farm.database.begin() as connection:
                rows = connection.execute(
                    text(
                        "SELECT split_part(worker, ':', 2)::int FROM attempts"
                        " WHERE ended_at IS NULL"
                    )
                )
                return set(rows.scalars())
        except StoreUnavailable:
            return set()

    def _older_than(self, seconds: float, kind: str) -> list[str]:
        """Processes of a kind that were not started again just now."""
        before = time.monotonic() - seconds
        return [
            name
            for name in self._own.processes.pids
            if name.startswith(kind) and self._started.get(name, 0.0) < before
        ]


def storm_worker(name: str, pools: Sequence[Pool], *arguments: str, children: int) -> Command:
    """A worker with the work of a storm."""
    return Command(
        name,
        (
            *(str(SCRIPT), *arguments, "-Q", ",".join(pools), "--concurrency", str(children)),
            *("-n", f"{name}@%h", "--without-gossip", "--without-mingle", "--loglevel", "INFO"),
        ),
    )


def stormy_settings(run_folder: Path, **sections: Any) -> Settings:
    """Deaths are noticed soon, and no work is given up for having killed many."""
    quick: dict[str, Any] = {
        "attempts": {
            "heartbeat_seconds": 0.25,
            "dead_after_seconds": _DEAD_AFTER,
            "max_takeovers": 1000,
        },
        "sweep": {"interval_seconds": 0.25},
        "broker": {"resend_after_seconds": 1.0, "give_back_after_seconds": 2.0},
        "leases": {"ttl_seconds": 60.0},
    }
    return Settings(farm={"run_folder": run_folder}, **{**quick, **sections})


@contextmanager
def stormy_farm(settings: Settings, *commands: Command) -> Iterator[Own]:
    """A farm with these processes; by default two workers, and two sweepers."""
    heavy: tuple[Pool, ...] = tuple(pool for pool in POOLS if pool not in ("intake", "planning"))
    usual = (
        storm_worker("worker-light", ("intake", "planning"), children=2),
        storm_worker("worker-heavy", heavy, children=3),
        storm_worker("worker-other", heavy, children=2),
        *(Command(f"sweeper-{number}", sweeper().arguments) for number in (1, 2)),
    )
    with own_farm(settings, commands or usual, progress=lambda _: None) as own:
        yield own


def blow_over(place: Path, weather: Weather, *, seed: int) -> Log:
    """A storm from its begin to its end; raises AssertionError for what it has broken."""
    settings = stormy_settings(place / "run")
    with stormy_farm(settings) as own:
        storm = Storm(own, settings, weather, seed=seed)
        began = time.monotonic()
        storm.rage()
        raged = time.monotonic()
        found = storm.calm()
        if found:
            raise AssertionError(
                "\n".join((f"seed {seed}, after {dict(storm.log.blows)}:", *found, story(own)))
            )
        print(
            f"seed {seed}: {storm.log.kills} kills ({dict(storm.log.blows)}) in"
            f" {raged - began:.0f} s, {len(storm.log.accepted)} requests; 0 lost, 0 doubled, 0"
            f" stuck; all ended {time.monotonic() - raged:.0f} s after the last blow;"
            f" {storm.log.sent_again} sent again by their client"
        )
        return storm.log


def _age(request: ChangeRequest) -> float:
    return time.time() - request.requested_at.timestamp()


def _children(main: int) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{main}/task/{main}/children").read_text().split()]
    except OSError:
        return []


def _signalled(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def main() -> None:
    """One storm; a seed that finds something is kept in `seeds.txt`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="selfheal-storm-") as folder:
        try:
            blow_over(Path(folder), Weather.of_kills(chosen.kills), seed=chosen.seed)
        except (AssertionError, SelfhealError) as error:
            with SEEDS.open("a") as seeds:
                seeds.write(f"{chosen.seed}\n")
            sys.exit(f"{error}\nrepeat with: make faults RUNS={chosen.kills} SEED={chosen.seed}")


if __name__ == "__main__":
    main()
