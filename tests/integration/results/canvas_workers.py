"""Workers of the canvas project, in processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from celery import Celery

PROJECT = Path(__file__).with_name("canvas_project.py")
SECONDS = 40.0


@contextmanager
def workers(apps: Sequence[Celery], log: Path) -> Iterator[None]:
    """A worker for each app, started together; they are gone at the end, with their children."""
    with log.open("wb") as output:
        processes = [
            subprocess.Popen(
                [sys.executable, PROJECT, app.conf.broker_url, app.conf.result_backend],
                stdout=output,
                stderr=output,
            )
            for app in apps
        ]
    try:
        deadline = time.monotonic() + SECONDS
        for app, process in zip(apps, processes, strict=True):
            while not app.control.ping(timeout=0.2, limit=1):
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGQUIT)  # at once: nothing that it does is waited for
        for process in processes:
            process.wait(timeout=SECONDS)
