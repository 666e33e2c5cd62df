"""Request-Planner: ChangeRequest to Plan."""

from __future__ import annotations

from uuid import UUID

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.flows import plan as flow
from selfheal.tasks.base import FarmTask


@app.task(name=names.PLAN, bind=True, base=FarmTask)
def plan(self: FarmTask, plan_id: str) -> str:
    return flow.plan(self.farm, UUID(plan_id), message_id=self.message_id)
