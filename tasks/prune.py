"""Prune: leftovers on this worker's host."""

from __future__ import annotations

from uuid import UUID

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.flows import prune as flow
from selfheal.tasks.base import FarmTask


@app.task(name=names.PRUNE, bind=True, base=FarmTask)
def prune(self: FarmTask, schedule_id: str) -> None:
    flow.prune(self.farm, UUID(schedule_id), message_id=self.message_id)
