"""Landing: the green branches of a round, merged and checked."""

from __future__ import annotations

from uuid import UUID

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.flows import land as flow
from selfheal.tasks.base import FarmTask


@app.task(name=names.LAND, bind=True, base=FarmTask)
def land(self: FarmTask, round_id: str) -> str:
    return flow.land(self.farm, UUID(round_id), message_id=self.message_id)
