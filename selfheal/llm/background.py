"""An event loop in a thread of its own, on which calls can be ended at any moment.

A blocking read can be ended by its own time limit only: a server that drips a byte now and then
outlasts every deadline, and nobody who waits in it hears that the work was cancelled.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import wait
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

LOOK_SECONDS = 0.2
"""Between two looks at whether a call is still wanted."""


@dataclass(frozen=True, slots=True)
class _Running:
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    owner: int


class Background:
    """The loop is started at first use, and anew in each forked process."""

    def __init__(self) -> None:
        self._running: _Running | None = None
        self._starting = threading.Lock()

    def run(self, work: Coroutine[Any, Any, T], *, check: Callable[[], None]) -> T:
        """What `work` gives or raises; ended when `check`, which is called meanwhile, raises."""
        future = asyncio.run_coroutine_threadsafe(work, self._here().loop)
        try:
            while not wait([future], timeout=LOOK_SECONDS).done:
                check()
            return future.result()
        finally:
            future.cancel()

    def close(self) -> None:
        """End the loop of this process."""
        running, self._running = self._running, None
        if running is not None and running.owner == os.getpid():
            running.loop.call_soon_threadsafe(running.loop.stop)
            running.thread.join()
            running.loop.close()

    def _here(self) -> _Running:
        with self._starting:
            # A forked child has its parent's loop but not the thread that ran it.
            if self._running is None or self._running.owner != os.getpid():
                loop = asyncio.new_event_loop()
                thread = threading.Thread(target=loop.run_forever, name="models", daemon=True)
                thread.start()
                self._running = _Running(loop, thread, os.getpid())
            return self._running
