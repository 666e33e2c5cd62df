"""Refresh: a watched repository's mirror and baseline, ahead of need."""

from __future__ import annotations

from uuid import UUID

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.flows import refresh as flow
from selfheal.tasks.base import FarmTask


@app.task(name=names.REFRESH, bind=True, base=FarmTask)
def refresh(self: FarmTask, schedule_id: str) -> None:
    flow.refresh(self.farm, UUID(schedule_id), message_id=self.message_id)
