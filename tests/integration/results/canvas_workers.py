"""Workers of the canvas project, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import Celery

PROJECT = Path(__file__).with_name("canvas_project.py")
SECONDS = 40.0


@contextmanager
def worker(app: Celery, log: Path, *, pool: str = "prefork") -> Iterator[subprocess.Popen[bytes]]:
    """A worker that answers; stopped at the end, with all its children."""
    urls = (app.conf.broker_url, app.conf.result_backend)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, PROJECT, *urls, pool], stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not app.control.ping(timeout=0.2, limit=1):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        yield process
    finally:
        process.terminate()
        process.wait(timeout=SECONDS)
