"""Retention: rows of what has ended and grown old."""

from __future__ import annotations

from uuid import UUID

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.flows import retention as flow
from selfheal.tasks.base import FarmTask


@app.task(name=names.RETENTION, bind=True, base=FarmTask)
def retention(self: FarmTask, schedule_id: str) -> None:
    flow.retention(self.farm, UUID(schedule_id), message_id=self.message_id)
