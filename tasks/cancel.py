"""Cancel: a client wants a ChangeRequest to end."""

from __future__ import annotations

from uuid import UUID

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.flows import cancel as flow
from selfheal.tasks.base import ALONE, FarmTask


@app.task(name=names.CANCEL, bind=True, base=FarmTask, **ALONE)
def cancel(self: FarmTask, request_id: str) -> None:
    flow.cancel(self.farm, UUID(request_id), who="client")
