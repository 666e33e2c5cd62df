"""The base task: log context and the farm of this process."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import structlog
from celery import Task

from selfheal.celery import FarmApp
from selfheal.flows.farm import Farm


class FarmTask(Task):  # type: ignore[type-arg]
    """Binds the message's id to every log line of the task."""

    abstract = True

    @property
    def farm(self) -> Farm:
        """The farm as this process sees it."""
        return cast(FarmApp, self.app).farm

    @property
    def message_id(self) -> UUID:
        """The id of the message that is being worked at."""
        return UUID(self.request.id)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with structlog.contextvars.bound_contextvars(message=self.request.id):
            return super().__call__(*args, **kwargs)
