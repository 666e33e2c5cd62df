"""Tidy: removes the refs that a finished ChangeRequest needs no more."""

from __future__ import annotations

from uuid import UUID

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.flows import tidy as flow
from selfheal.tasks.base import FarmTask


@app.task(name=names.TIDY, bind=True, base=FarmTask)
def tidy(self: FarmTask, request_id: str) -> None:
    flow.tidy(self.farm, UUID(request_id), message_id=self.message_id)
