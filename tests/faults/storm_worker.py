"""A worker of the farm whose work is that of `storm_work`: `storm_worker.py [--visibility N] ARGS`.

The app, the base task and the tasks of clients are the farm's own; ARGS are those of `celery
worker`. With `--visibility` its broker gives messages out again after so many seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parents[2]))

from selfheal.celery import SettingsLoader, app
from selfheal.contracts import names
from selfheal.tasks.base import FarmTask
from tests.faults import storm_work

WORK: dict[str, Callable[..., None]] = {
    names.PLAN: storm_work.plan,
    names.CODE_PLAN: storm_work.code_plan,
    names.CODE: storm_work.code,
    names.LAND: storm_work.land,
    names.TIDY: storm_work.tidy,
}
OF_CLIENTS = tuple(f"selfheal.tasks.{name}" for name in ("cancel", "set_aside", "submit"))


class StormLoader(SettingsLoader):
    """The farm's configuration; of its tasks those alone that clients send."""

    visibility_seconds: int | None = None

    def read_configuration(self, env: str = "") -> dict[str, Any]:
        read = {**super().read_configuration(env), "include": OF_CLIENTS}
        if self.visibility_seconds:
            options = read["broker_transport_options"]
            read["broker_transport_options"] = {
                **options,
                "visibility_timeout": self.visibility_seconds,
                "unacked_restore_interval": 1,
            }
        return read


def register(name: str, work: Callable[..., None]) -> None:
    """A task of that name which does this work."""

    @app.task(name=name, bind=True, base=FarmTask)
    def run(self: FarmTask, subject_id: str) -> None:
        work(self.farm, UUID(subject_id), message_id=self.message_id)


def main(arguments: list[str]) -> None:
    """Work until told to stop."""
    if arguments[:1] == ["--visibility"]:
        StormLoader.visibility_seconds = int(arguments[1])
        arguments = arguments[2:]
    app.loader_cls = StormLoader  # type: ignore[assignment]
    for name, work in WORK.items():
        register(name, work)
    app.worker_main(["worker", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
