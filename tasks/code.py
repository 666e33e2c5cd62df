"""Coding-Agent: CodingTask to CommitResult."""

from __future__ import annotations

from uuid import UUID

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.flows import code as flow
from selfheal.tasks.base import FarmTask


@app.task(name=names.CODE, bind=True, base=FarmTask)
def code(self: FarmTask, task_id: str) -> str:
    return flow.code(self.farm, UUID(task_id), message_id=self.message_id)
