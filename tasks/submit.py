"""Intake: a ChangeRequest that a client sent becomes a row."""

from __future__ import annotations

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.contracts.change_request import ChangeRequest
from selfheal.errors import StoreUnavailable
from selfheal.flows import submit as flow
from selfheal.tasks.base import FarmTask


@app.task(
    name=names.SUBMIT,
    bind=True,
    base=FarmTask,
    # This message is all there is of the request, so it waits for the database.
    autoretry_for=(StoreUnavailable,),
    max_retries=None,
    retry_backoff=1,
    retry_backoff_max=30,
)
def submit(self: FarmTask, document: str) -> None:
    flow.submit(self.farm, ChangeRequest.from_json(document), door="broker")
