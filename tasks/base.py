"""The base task: log context, the farm of this process, and what becomes of bad input."""

from __future__ import annotations

import json
from typing import Any, cast
from uuid import UUID

import structlog
from celery import Task

from selfheal.celery import FarmApp
from selfheal.errors import InvalidInput, StoreUnavailable
from selfheal.flows.farm import Farm
from selfheal.flows.set_aside import set_aside
from selfheal.worker.letters import letter_of
from selfheal.worker.reading import CONTENT_TYPE, Incoming

ALONE: dict[str, Any] = {
    # The message is all there is of its matter, so it waits for the database.
    "autoretry_for": (StoreUnavailable,),
    "max_retries": None,
    "retry_backoff": 1,
    "retry_backoff_max": 30,
}
"""Options of a task that no row stands behind; see `selfheal.contracts.names.ALONE`."""


class FarmTask(Task):  # type: ignore[type-arg]
    """Binds the message's id to every log line of the task."""

    abstract = True
    Request = "selfheal.worker.request:FarmRequest"

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
            try:
                return super().__call__(*args, **kwargs)
            except InvalidInput as error:
                # Whoever sent this hears of it nowhere else.
                self._set_aside(error)
                raise
            finally:
                self.farm.told_to_stop = False

    def apply_async(self, *args: Any, **options: Any) -> Any:
        """As Celery's; a retry is described as its message was, and nothing by its arguments."""
        described = getattr(self.request, "argsrepr", None) or "(...)"
        return super().apply_async(*args, **{"argsrepr": described, "kwargsrepr": "{}", **options})

    def _set_aside(self, error: InvalidInput) -> None:
        message = Incoming(
            body=json.dumps([self.request.args, self.request.kwargs, {}]).encode(),
            content_type=CONTENT_TYPE,
            content_encoding="utf-8",
            headers={"task": self.name, "id": self.request.id, "lang": "py"},
        )
        queue = str((self.request.delivery_info or {}).get("routing_key", ""))
        letter = letter_of(message, queue, str(error), self.farm.redactor)
        try:
            set_aside(self.farm, letter)
        except StoreUnavailable as away:
            raise self.retry(exc=away, countdown=5.0, max_retries=None) from error
