"""A farm of its own for a benchmark: servers, a worker with a body that does nothing, a sweeper."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from figures.graphs import Graph
from figures.rounds import Round, all_settled, open_round_of
from selfheal.cli.farm import Own, own_farm
from selfheal.cli.processes import Command, sweeper
from selfheal.settings import Settings

BENCHMARKS = Path(__file__).parents[1]
PATIENCE_SECONDS = 1800.0
WORKER = "worker"
_LOOK_SECONDS = 0.1


def no_op_worker(children: int) -> Command:
    """A worker of pool `coding` whose CodingTasks do nothing."""
    return Command(
        WORKER,
        (
            *("-m", "celery", "-A", "figures.no_op", "worker", "-Q", "coding"),
            *("--concurrency", str(children), "-n", "worker@%h"),
            *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
        ),
    )


@contextmanager
def no_op_farm(settings: Settings, *, children: int = 2) -> Iterator[Own]:
    """A farm in a run folder of its own, up and warm: each child has worked."""
    os.environ["PYTHONPATH"] = str(BENCHMARKS)  # where its worker finds `figures`
    commands = (no_op_worker(children), sweeper())
    with own_farm(settings, commands, progress=lambda _: None) as own:
        run(own, [flat(20 * children)])
        yield own


def flat(tasks: int, seconds: float = 1.0) -> Graph:
    """Tasks that wait for nothing."""
    return Graph(((),) * tasks, (seconds,) * tasks, (seconds,) * tasks)


def run(own: Own, graphs: Sequence[Graph], *, goal: str = "nothing") -> None:
    """Open a round for each graph, send what is free, and wait until all are settled."""
    rounds = opened(own, graphs, goal=goal)
    await_that(lambda: all_settled(own.farm.database, rounds), what="the end of the rounds")


def opened(own: Own, graphs: Sequence[Graph], *, goal: str = "nothing") -> list[Round]:
    """The graphs as rounds, with what waits for nothing sent."""
    rounds = [open_round_of(own.farm.database, graph, goal=goal) for graph in graphs]
    own.farm.flush()
    return rounds


def await_that(
    condition: Callable[[], object], *, what: str, seconds: float = PATIENCE_SECONDS
) -> None:
    """Poll until it is so; raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(_LOOK_SECONDS)
