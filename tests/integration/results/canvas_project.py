"""A Celery project as anybody might have one. Knows its result backend by URL only."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from celery import Celery, chain, group
from celery.exceptions import Ignore, Reject

KEPT_ALIVE = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def make_app(broker: str, backend: str, **settings: Any) -> Celery:
    """The app with its tasks; their names are those of the functions."""
    app = Celery("canvas", broker=broker, backend=backend, set_as_current=False)
    app.conf.update(settings, worker_hijack_root_logger=False)

    @app.task(name="add", shared=False)
    def add(x: int, y: int) -> int:
        return x + y

    @app.task(name="ident", shared=False)
    def ident(value: Any) -> Any:
        return value

    @app.task(name="total", shared=False)
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    @app.task(name="unkept", shared=False, ignore_result=True)
    def unkept(value: Any) -> Any:
        return value

    @app.task(name="boom", shared=False)
    def boom(*_: Any) -> None:
        raise ValueError("boom")

    @app.task(name="again", shared=False, bind=True, default_retry_delay=0)
    def again(self: Any, value: Any) -> Any:
        if self.request.retries < 2:
            raise self.retry(countdown=0)
        return [value, self.request.retries]

    @app.task(name="ignored", shared=False)
    def ignored() -> None:
        raise Ignore

    @app.task(name="rejected", shared=False, acks_late=True)
    def rejected() -> None:
        raise Reject("not this one", requeue=False)

    @app.task(name="lost", shared=False)
    def lost() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    @app.task(name="replaced_by_group", shared=False, bind=True)
    def replaced_by_group(self: Any, value: int) -> Any:
        raise self.replace(group([add.s(value, 1), add.s(value, 2)], app=app))

    @app.task(name="replaced_by_chain", shared=False, bind=True)
    def replaced_by_chain(self: Any, value: int) -> Any:
        raise self.replace(chain(add.s(value, 1), add.s(10), app=app))

    @app.task(name="with_one_more", shared=False, bind=True)
    def with_one_more(self: Any, value: int) -> int:
        self.add_to_chord(add.s(value, 100))
        return value

    @app.task(name="large", shared=False)
    def large(size: int) -> str:
        return "x" * size

    @app.task(name="note", shared=False)
    def note(failed_id: str) -> str:
        return failed_id

    return app


if __name__ == "__main__":
    broker, backend = sys.argv[1:]
    command = ("worker", "--concurrency=2", "--loglevel=WARNING", *KEPT_ALIVE)
    make_app(broker, backend, broker_connection_retry_on_startup=True).worker_main(command)
