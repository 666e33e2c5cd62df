"""Code-Planner: Plan to CodingTasks, released along their graph."""

from __future__ import annotations

from uuid import UUID

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.flows import code_plan as flow
from selfheal.tasks.base import FarmTask


@app.task(name=names.CODE_PLAN, bind=True, base=FarmTask)
def code_plan(self: FarmTask, plan_id: str) -> str:
    return flow.code_plan(self.farm, UUID(plan_id), message_id=self.message_id)
