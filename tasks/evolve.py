"""Evolve: one iteration of a watched repository, planned and asked for."""

from __future__ import annotations

from uuid import UUID

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.flows import evolve as flow
from selfheal.tasks.base import FarmTask


@app.task(name=names.EVOLVE, bind=True, base=FarmTask)
def evolve(self: FarmTask, schedule_id: str) -> None:
    flow.evolve(self.farm, UUID(schedule_id), message_id=self.message_id)
