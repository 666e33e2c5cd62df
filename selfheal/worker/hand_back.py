"""A worker that is told to stop lets short work end, and hands back the rest.

Celery waits for ever on SIGTERM and `celery control shutdown`; on SIGQUIT it waits a while, then
ends its children with SIGTERM: what they worked at is missed only when its heartbeat has been
silent for long enough. Here a child takes SIGTERM as the word to hand back: its attempt ends as
stopped, with the outbox row for its successor in the same transaction, which is sent at once.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

from celery import bootsteps, signals
from celery.concurrency.prefork import TaskPool
from celery.utils.log import get_logger
from celery.worker import state

if TYPE_CHECKING:
    from selfheal.celery import FarmApp

_LOOK_SECONDS = 0.05

_logger = get_logger(__name__)


class HandBack(bootsteps.StartStopStep):
    """Stops before the pool does, which then waits for its children."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._app = cast("FarmApp", worker.app)
        self._before: Any = signal.SIG_DFL
        signals.task_prerun.connect(self._listen, weak=False)
        signals.task_postrun.connect(self._listen_no_more, weak=False)

    def include_if(self, worker: Any) -> bool:
        """Only children can be asked: other pools work in the process that is told to stop."""
        return issubclass(worker.pool_cls, TaskPool)

    def stop(self, worker: Any) -> None:
        """Ask, in a thread: the main one goes on to take the children's results."""
        del worker
        held = tuple(state.reserved_requests)
        threading.Thread(target=self._ask, args=(held,), name="hand-back", daemon=True).start()

    def _ask(self, held: tuple[Any, ...]) -> None:
        deadline = time.monotonic() + self._app.settings.stop.finish_seconds
        while _unfinished(held) and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        for request in _unfinished(held):
            _logger.warning("Asking child %s to hand back %s.", request.worker_pid, request.name)
            with suppress(ProcessLookupError):
                os.kill(request.worker_pid, signal.SIGTERM)

    def _listen(self, **_: Any) -> None:
        """Celery calls this in a child before each task; earlier, billiard would undo it."""
        self._before = signal.signal(signal.SIGTERM, self._told)

    def _listen_no_more(self, **_: Any) -> None:
        """Between tasks SIGTERM ends a child, as ever."""
        signal.signal(signal.SIGTERM, self._before)

    def _told(self, number: int, frame: FrameType | None) -> None:
        """Hand back; a task that knows nothing of our farm ends as it would without us."""
        if farm := vars(self._app).get("farm"):
            farm.told_to_stop = True
        elif callable(self._before):
            self._before(number, frame)


def _unfinished(held: tuple[Any, ...]) -> list[Any]:
    """Those that a child has begun and not ended."""
    return [one for one in held if one in state.active_requests and one.worker_pid]
