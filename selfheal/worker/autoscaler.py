"""`celery worker --autoscale=MAX,MIN`, by what waits and what memory is left.

Celery's own autoscaler looks at the messages that this worker has taken, and takes as many as MAX
children could work at: one small host hoards what others would begin at once. Here a worker takes
what its children work at, and looks each second at what waits in its queues.

It asks the broker over the consumer's own connection, because children are forked from this
process at any time and inherit whatever is open. That connection is there anyway, is used by
nobody else meanwhile (both are callbacks of one event loop), and kombu lets go of it in a child.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, cast

import click
from celery import bootsteps
from celery.concurrency.prefork import TaskPool
from celery.worker import state
from celery.worker.autoscale import Autoscaler
from kombu.exceptions import ChannelError

from selfheal.contracts.names import POOLS
from selfheal.worker.memory import headroom, used_by
from selfheal.worker.scaling import Bounds, Load, needed, wanted

if TYPE_CHECKING:
    from selfheal.celery import FarmApp

LOOK_SECONDS = 1.0
"""Between two looks: each costs the broker one question per queue."""


# Their type hints leave out most of what they have.
_Autoscaler: Any = Autoscaler
_RUN: Any = vars(bootsteps)["RUN"]


class FarmAutoscaler(_Autoscaler):  # type: ignore[misc]
    """Grows and shrinks a prefork pool; refuses any other with a usage error."""

    def __init__(
        self,
        pool: Any,
        max_concurrency: int,
        min_concurrency: int = 0,
        worker: Any = None,
        **options: Any,
    ) -> None:
        if not isinstance(pool, TaskPool):
            kind = type(pool).__module__.rpartition(".")[2]
            raise click.UsageError(
                f"--autoscale needs the prefork pool, found {kind}, which cannot grow or shrink: "
                "leave --autoscale out and set --concurrency, or use --pool=prefork"
            )
        fewest = max(1, min_concurrency)
        super().__init__(
            pool, max(fewest, max_concurrency), fewest, worker, keepalive=LOOK_SECONDS, **options
        )
        self._needed_at = monotonic()
        # What the worker may take is what Celery sizes by this: see `_follow`.
        worker.max_concurrency = fewest

    def maybe_scale(self, req: Any = None) -> None:
        """Look, and act; Celery also calls this for each message, which changes nothing here."""
        if req is None and self._running():
            super().maybe_scale()

    def _running(self) -> bool:
        """Not while the pool is being joined: timers go on then, in another thread."""
        told = (state.should_stop, state.should_terminate)  # exit codes, once it is told
        up = self.worker.blueprint.state == _RUN and self.worker.consumer.connection is not None
        return up and all(code is None or code is False for code in told)

    def _maybe_scale(self, _: Any = None) -> bool:
        load, bounds = self._load(), self._bounds()
        if needed(load, bounds) >= load.processes:
            self._needed_at = monotonic()
        change = wanted(load, bounds) - load.processes
        if change > 0:
            self._grow(change)
        elif change < 0 and self._all_begun():
            self._shrink(-change)
        return change != 0

    def _load(self) -> Load:
        return Load(
            processes=self.processes,
            busy=self.qty,
            ready=self._ready(),
            headroom=headroom(),
            used=used_by(self.pool.info["processes"]),
            quiet_seconds=monotonic() - self._needed_at,
        )

    def _bounds(self) -> Bounds:
        settings = cast("FarmApp", self.worker.app).settings
        pools = [pool for pool in POOLS if pool in self._queues()]
        return Bounds(
            fewest=self.min_concurrency,
            most=self.max_concurrency,
            share=settings.autoscale.share,
            child=settings.profile_of(pools or POOLS).memory_bytes,
            reserve=settings.autoscale.reserve_bytes,
            quiet_seconds=settings.autoscale.quiet_seconds,
        )

    def _queues(self) -> list[str]:
        return [queue.name for queue in self.worker.consumer.task_consumer.queues]

    def _ready(self) -> int:
        """Raises the broker's own errors when it is away, upon which Celery connects anew."""
        channel = self.worker.consumer.connection.default_channel
        return sum(_waiting(channel, name) for name in self._queues())

    def _all_begun(self) -> bool:
        """Whether each message taken is known to be a child's: billiard ends whom it holds idle."""
        return len(state.active_requests) == len(state.reserved_requests)

    def _grow(self, n: int) -> None:
        super()._grow(n)
        self._follow(n)

    def _shrink(self, n: int) -> None:
        """billiard raises when fewer are idle than it is to end; Celery's part takes that."""
        before = self.processes
        super()._shrink(n)
        self._follow(self.processes - before)

    def _follow(self, change: int) -> None:
        """Take from the broker what the children of now can work at."""
        if change:
            self.worker.max_concurrency = self.processes
            self.worker.consumer._update_prefetch_count(change)

    def _update_consumer_prefetch_count(self, new_max: int) -> None:
        """Nothing, when `celery control autoscale` moves the bounds: see `_follow`."""


def _waiting(channel: Any, queue: str) -> int:
    try:
        return int(channel.queue_declare(queue=queue, passive=True).message_count)
    except ChannelError:  # in Redis an empty list does not exist
        return 0
