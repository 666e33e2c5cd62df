"""How long rounds of uneven tasks take, against waves and against what no schedule can beat.

The dispatcher's own order is judged: rounds are opened, sent, begun and settled in a real database,
by the functions that the farm uses, and the broker's queue is first come, first served as Redis'
is. Only the clock is not real: a task takes the seconds that its graph says.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from statistics import mean

from figures.figure import Figure
from figures.graphs import Graph, random_graph
from figures.rounds import open_round_of
from selfheal.contracts import names
from selfheal.contracts.commit_result import CommitResult
from selfheal.contracts.names import Pool
from selfheal.dispatch.sender import flush
from selfheal.dispatch.settle import settle
from selfheal.store import attempts, outbox
from selfheal.store.attempts import Attempt, Work
from selfheal.store.database import Database
from selfheal.store.outbox import Message

WORKERS = (4, 8, 16)
DAY = 86_400.0


def figures(database: Database, *, graphs: int, tasks: int) -> Iterator[Figure]:
    """The mean over random graphs of makespan through bound, ours and in waves."""
    chance = random.Random(20)
    drawn = [(random_graph(tasks, chance), chance.choice(WORKERS)) for _ in range(graphs)]
    waves = mean(graph.in_waves(workers) / graph.bound(workers) for graph, workers in drawn)
    for what, seen in (("rough estimates", _as_it_is), ("no estimates", _unjudged)):
        ours = mean(
            Virtual(database, seen(graph), workers).makespan() / graph.bound(workers)
            for graph, workers in drawn
        )
        yield Figure(
            name=f"makespan through bound, {graphs} graphs of {tasks}, {what}",
            ours=ours,
            reference=waves,
            against="waves",
            unit="",
            goal="<= 1.10",
        )


def _as_it_is(graph: Graph) -> Graph:
    return graph


def _unjudged(graph: Graph) -> Graph:
    return replace(graph, estimates=tuple(1.0 for _ in graph.estimates))


@dataclass
class Queue:
    """A broker's queue; it takes what the dispatcher sends."""

    messages: deque[Message] = field(default_factory=deque)

    def send(self, message: Message) -> None:
        self.messages.append(message)

    def ready(self, pool: Pool) -> int:
        del pool  # there is only one
        return len(self.messages)

    def give_back(self, *, older_than: float) -> int:
        del older_than  # nobody dies here
        return 0


class Virtual:
    """A round on so many workers, in a time of its own."""

    def __init__(self, database: Database, graph: Graph, workers: int) -> None:
        self._database = database
        self._idle = workers
        self._queue = Queue()
        self._now = 0.0
        self._running: list[tuple[float, int, Callable[[], None]]] = []
        self._round = open_round_of(database, graph)
        self._seconds = dict(zip(self._round.tasks, graph.seconds, strict=True))

    def makespan(self) -> float:
        """Seconds from the round's opening to the end of its last task."""
        self._flush()
        while True:
            while self._idle and self._queue.messages:
                self._begin(self._queue.messages.popleft())
            if not self._running:
                return self._now
            self._now, _, end = heapq.heappop(self._running)
            self._idle += 1
            end()

    def _begin(self, message: Message) -> None:
        """As `flows.attempting.attempt`: who makes room in the queue fills it."""
        if message.task_name != names.CODE:
            return
        work = Work(names.CODE, message.subject_id, self._round.request_id)
        with self._database.begin() as connection:
            room = outbox.mark_received(connection, message.message_id)
            begun = attempts.begin(
                connection, work, worker="virtual", message_id=message.message_id, dead_after=DAY
            )
        assert begun is not None, "nobody else works here"
        self._idle -= 1
        ends = self._now + self._seconds[message.subject_id]
        heapq.heappush(self._running, (ends, begun.token, lambda: self._end(begun)))
        if room:
            self._flush()

    def _end(self, begun: Attempt) -> None:
        result = CommitResult(
            task_id=begun.work.subject_id, status="SUCCESS", commit_sha="0" * 40, verdict="passes"
        )
        with self._database.begin() as connection:
            settle(connection, begun, result)
        self._flush()

    def _flush(self) -> None:
        flush(self._database, self._queue)
