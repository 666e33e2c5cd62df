"""SubTask: what one arm does, in the pool of that arm."""

from __future__ import annotations

from uuid import UUID

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.flows import subtask as flow
from selfheal.tasks.base import FarmTask


@app.task(name=names.SUBTASK, bind=True, base=FarmTask)
def subtask(self: FarmTask, subtask_id: str) -> str:
    return flow.subtask(self.farm, UUID(subtask_id), message_id=self.message_id)
