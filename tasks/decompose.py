"""Planner Arm: a ChangeRequest that asks for more than code becomes SubTasks."""

from __future__ import annotations

from uuid import UUID

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.flows import decompose as flow
from selfheal.tasks.base import FarmTask


@app.task(name=names.DECOMPOSE, bind=True, base=FarmTask)
def decompose(self: FarmTask, decomposition_id: str) -> str:
    return flow.decompose(self.farm, UUID(decomposition_id), message_id=self.message_id)
