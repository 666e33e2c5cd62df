"""Scan: a watched repository's suite at its head."""

from __future__ import annotations

from uuid import UUID

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.flows import scan as flow
from selfheal.tasks.base import FarmTask


@app.task(name=names.SCAN, bind=True, base=FarmTask)
def scan(self: FarmTask, schedule_id: str) -> None:
    flow.scan(self.farm, UUID(schedule_id), message_id=self.message_id)
