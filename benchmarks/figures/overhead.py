"""What the farm itself costs per CodingTask: CPU of its processes, tasks a second, operations."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

from figures import cpu, stock
from figures.farm_run import await_that, no_op_farm, opened
from figures.figure import Figure
from figures.graphs import random_graph
from figures.no_op import CHECKPOINTS
from figures.operations import Operations, count_statements
from figures.rounds import all_settled
from selfheal.cli.farm import Own
from selfheal.embedded.run_folder import RunFolder
from selfheal.embedded.valkey import Valkey
from selfheal.settings import Settings

CHILDREN = 2
PER_ROUND = 100


def figures(place: Path, *, tasks: int) -> Iterator[Figure]:
    """CPU and throughput with a body that does nothing, beside stock Celery's, same broker."""
    settings = Settings(farm={"run_folder": place / "run"})
    with no_op_farm(settings, children=CHILDREN) as own:
        spent, seconds = _run(own, settings, tasks, goal="nothing")
        more, _ = _run(own, settings, tasks, goal=CHECKPOINTS)
        plain, plain_seconds = _stock(settings, tasks)
    said = f"{CHILDREN} children"
    yield Figure(
        name="CPU per no-op CodingTask, all processes",
        ours=1000 * sum(spent.values()) / tasks,
        reference=1000 * plain / tasks,
        against="stock no-op task",
        unit="ms",
        goal="<= 15 ms",
    )
    yield Figure(
        name="the same with the checkpoints of a real one",
        ours=1000 * sum(more.values()) / tasks,
        reference=1000 * plain / tasks,
        against="stock no-op task",
        unit="ms",
        goal="",
    )
    yield Figure(
        name=f"no-op CodingTasks a second, {said}",
        ours=tasks / seconds,
        reference=tasks / plain_seconds,
        against="stock no-op task",
        unit="tasks/s",
        goal=">= 50/s",
        better="higher",
    )
    for name, part in spent.items():
        yield Figure(name=f"of it {name}", ours=1000 * part / tasks, unit="ms", goal="")


def operations(place: Path, *, tasks: int) -> Operations:
    """Operations per CodingTask, its checkpoints and all, counted by the servers themselves."""
    folder = RunFolder.open(place / "counted")
    count_statements(folder)
    settings = Settings(farm={"run_folder": folder.path})
    with no_op_farm(settings, children=CHILDREN) as own:
        before = Operations.so_far(own.servers, {})
        spent, _ = _run(own, settings, tasks, goal=CHECKPOINTS)
        return Operations.so_far(own.servers, spent).since(before, tasks=tasks)


def _run(own: Own, settings: Settings, tasks: int, *, goal: str) -> tuple[dict[str, float], float]:
    """CPU seconds by process and seconds in all, from the rounds' opening to their last task."""
    chance = random.Random(1)
    graphs = [random_graph(PER_ROUND, chance) for _ in range(max(1, tasks // PER_ROUND))]
    pids, folder = own.processes.pids, settings.run_folder
    before, began, mine = cpu.seconds_of(pids, folder), time.monotonic(), _my_cpu()
    rounds = opened(own, graphs, goal=goal)
    opening = _my_cpu() - mine
    await_that(lambda: all_settled(own.farm.database, rounds), what="the end of the rounds")
    seconds = time.monotonic() - began
    spent = cpu.between(before, cpu.seconds_of(pids, folder))
    return spent | {"opening of rounds": opening}, seconds


def _my_cpu() -> float:
    used = getrusage(RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _stock(settings: Settings, tasks: int) -> tuple[float, float]:
    """CPU seconds of broker, worker and sender, and seconds in all, for as many tasks."""
    folder = RunFolder.open(settings.run_folder)
    valkey = Valkey(folder)
    app = stock.stock_app(valkey.virtual_host_url(5), valkey.virtual_host_url(6))
    nothing = app.tasks["nothing"]
    log = settings.run_folder / "logs" / "stock.log"
    with stock.stock_worker(app, log, children=CHILDREN) as worker:
        for result in [nothing.delay("warm") for _ in range(20 * CHILDREN)]:
            result.get(interval=0.1)
        pids = {"worker": worker.pid}
        before, began, mine = cpu.seconds_of(pids, folder.path), time.monotonic(), _my_cpu()
        sent = [nothing.delay("counted") for _ in range(tasks)]
        sending = _my_cpu() - mine
        for result in sent:
            result.get(interval=0.2)
        seconds = time.monotonic() - began
        spent = cpu.between(before, cpu.seconds_of(pids, folder.path))
    return sending + spent["worker"] + spent["Valkey"], seconds
