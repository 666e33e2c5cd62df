"""Sweep: one round of the sweeper, as a job of the beat."""

from __future__ import annotations

from uuid import UUID

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.flows import sweep as flow
from selfheal.tasks.base import FarmTask


@app.task(name=names.SWEEP, bind=True, base=FarmTask)
def sweep(self: FarmTask, schedule_id: str) -> None:
    flow.sweep_once(self.farm, UUID(schedule_id), message_id=self.message_id)
