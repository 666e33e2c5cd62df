"""Ten to a thousand workers on one PostgreSQL and one Valkey, simulated: what fills up first.

    python benchmarks/scaling.py [--tasks N] [--minutes M] [--json]

First a real run counts operations per CodingTask and how long each server works at one; then a
discrete-event simulation lets thousands of tasks a day arrive at both servers. Simulated, not run:
workers, their tasks' minutes, and the queues before the servers. Not modelled: the network, the
disk of a replica, and what the pages ask. Database cores are the slots of its queue; the broker
has one, because it works in one thread.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import random
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from figures import overhead
from figures.operations import Operations

from selfheal.settings import Settings

MEMORY = Path("/dev/shm")
DAY = 86_400.0
CONNECTIONS = 3  # of a child: its work, its heartbeat, the result backend
SWEEPERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Server time of one event, in seconds."""

    task_database: float
    task_broker: float
    beat: float
    sweep: float

    @classmethod
    def of(cls, counted: Operations) -> Costs:
        """From what was counted: CPU of the servers, as executing is not all that they do.

        A heartbeat costs what a checkpoint does, both update one row of `attempts`; a look of the
        sweeper at most ten of them.
        """
        database = counted.cpu_ms["PostgreSQL"] / 1000
        executing = sum(counted.statement_ms.values()) / 1000
        checkpoint = _per_call(counted, "UPDATE attempts SET stage") / 1000 * database / executing
        return cls(
            task_database=database,
            task_broker=counted.cpu_ms["Valkey"] / 1000,
            beat=checkpoint,
            sweep=10 * checkpoint,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A farm of so many children, all at work."""

    children: int
    minutes: float
    cores: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the simulation saw. Utilisation is a part of one; waits are in milliseconds."""

    children: int
    tasks_a_day: float
    database: float
    broker: float
    database_wait_p99_ms: float
    connections: int
    beats_a_second: float


class Server:
    """First come, first served, with so many slots."""

    def __init__(self, slots: int) -> None:
        self._free = [0.0] * slots
        self.busy = 0.0
        self.waits: list[float] = []

    def take(self, now: float, seconds: float) -> float:
        """When a job of so many seconds that comes now has ended."""
        begin = max(now, heapq.heappop(self._free))
        heapq.heappush(self._free, begin + seconds)
        self.busy += seconds
        self.waits.append(begin - now)
        return begin + seconds


def simulate(load: Load, costs: Costs, *, seconds: float = 1800.0) -> Seen:
    """Half an hour of a farm whose children never lack work."""
    chance, number = random.Random(3), count()
    settings = Settings()
    database, broker = Server(load.cores), Server(1)
    beat, sweep = settings.attempts.heartbeat_seconds, settings.sweep.interval_seconds
    events = [(one / SWEEPERS, next(number), "sweep", 0.0) for one in range(SWEEPERS)]
    length = load.minutes * 60
    for _ in range(load.children):
        end = chance.uniform(0, length)
        events.append((end, next(number), "end", 0.0))
        events.append((chance.uniform(0, beat), next(number), "beat", end))
    heapq.heapify(events)
    ended = beats = 0
    while events[0][0] < seconds:
        now, _, what, until = heapq.heappop(events)
        if what == "end":  # all that one task asks of the servers, at its two ends
            ended += 1
            broker.take(now, costs.task_broker)
            begun = database.take(now, costs.task_database)
            until = begun + chance.lognormvariate(0, 0.9) * length / 1.5
            heapq.heappush(events, (until, next(number), "end", 0.0))
            heapq.heappush(events, (begun + beat, next(number), "beat", until))
        elif what == "beat" and now < until:
            beats += 1
            database.take(now, costs.beat)
            heapq.heappush(events, (now + beat, next(number), "beat", until))
        elif what == "sweep":
            database.take(now, costs.sweep)
            heapq.heappush(events, (now + sweep, next(number), "sweep", 0.0))
    waits = sorted(database.waits)
    return Seen(
        children=load.children,
        tasks_a_day=ended * DAY / seconds,
        database=database.busy / seconds / load.cores,
        broker=broker.busy / seconds,
        database_wait_p99_ms=1000 * waits[int(len(waits) * 0.99)],
        connections=load.children * CONNECTIONS,
        beats_a_second=beats / seconds,
    )


def main() -> None:
    chosen = _arguments()
    with tempfile.TemporaryDirectory(prefix="selfheal-scaling-", dir=chosen.place) as place:
        counted = overhead.operations(Path(place), tasks=chosen.tasks)
    costs = Costs.of(counted)
    loads = [
        Load(children=children, minutes=minutes, cores=chosen.cores)
        for minutes in chosen.minutes
        for children in (10, 100, 300, 1000)
    ]
    seen = [(load, simulate(load, costs)) for load in loads]
    if chosen.json:
        runs = [{**asdict(load), **asdict(one)} for load, one in seen]
        print(json.dumps({"counted": asdict(counted), "costs": asdict(costs), "runs": runs}))
        return
    _show_counted(counted)
    print(f"\nsimulated with {chosen.cores} cores for PostgreSQL, one for Valkey")
    print(f"{'children':>9}{'minutes':>9}{'tasks/day':>11}{'database':>10}{'broker':>8}"
          f"{'wait p99':>10}{'connections':>13}{'beats/s':>9}")  # fmt: skip
    for load, one in seen:
        print(f"{one.children:9}{load.minutes:9g}{one.tasks_a_day:11.0f}{one.database:10.1%}"
              f"{one.broker:8.2%}{one.database_wait_p99_ms:8.1f}ms{one.connections:13}"
              f"{one.beats_a_second:9.0f}")  # fmt: skip
    _show_limits(seen[-1][1], chosen.cores)


def _show_limits(seen: Seen, cores: int) -> None:
    """Where each would be full if it grew in proportion; said of the last, largest load."""
    print(
        f"\nfull, in proportion to {seen.tasks_a_day:.0f} tasks a day on {seen.children} children:"
    )
    for most in (100, 200, 500):
        print(f"  max_connections = {most}: at {most // CONNECTIONS} children without a pooler")
    for name, used in (("database CPU", seen.database), ("broker CPU", seen.broker)):
        print(f"  {name} at 80%: at {0.8 / used * seen.children:.0f} children, "
              f"{0.8 / used * seen.tasks_a_day / 1e6:.1f} M tasks a day")  # fmt: skip
    print(f"  ({cores} cores of PostgreSQL; one of Valkey)")


def _show_counted(counted: Operations) -> None:
    print("counted per CodingTask, with its checkpoints:")
    print(f"{sum(counted.statements.values()):9.1f} statements, "
          f"{sum(counted.statement_ms.values()):.2f} ms of PostgreSQL")  # fmt: skip
    print(f"{counted.transactions:9.1f} transactions, {counted.written_bytes / 1024:.1f} KB of log")
    print(f"{sum(counted.commands.values()):9.1f} broker commands, "
          f"{sum(counted.command_ms.values()):.2f} ms of Valkey")  # fmt: skip
    for name, calls in _most(counted.statements):
        print(f"{calls:9.2f} {counted.statement_ms[name]:8.3f} ms  {name}")
    for name, calls in _most(counted.commands):
        print(f"{calls:9.2f} {counted.command_ms[name]:8.3f} ms  {name}")


def _most(counts: dict[str, float], *, at_least: float = 0.2) -> Iterator[tuple[str, float]]:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ((name, calls) for name, calls in ordered if calls >= at_least)


def _per_call(counted: Operations, start: str) -> float:
    """Milliseconds of one call of the statements that start so."""
    names = [name for name in counted.statements if name.startswith(start)]
    calls = sum(counted.statements[name] for name in names)
    return sum(counted.statement_ms[name] for name in names) / calls


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=500, help="CodingTasks of the real run")
    parser.add_argument("--minutes", nargs="*", type=float, default=(5.0, 1.4), metavar="M")
    parser.add_argument("--cores", type=int, default=4, help="of the simulated PostgreSQL")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    parser.add_argument("--place", type=Path, default=place, help="folder for the servers' data")
    return parser.parse_args()


if __name__ == "__main__":
    main()
