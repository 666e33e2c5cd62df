"""Intake: a ChangeRequest that a client sent becomes a row."""

from __future__ import annotations

from pydantic import ValidationError

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.contracts.change_request import ChangeRequest
from selfheal.errors import InvalidRequest, StoreUnavailable, TooBusy
from selfheal.flows import submit as flow
from selfheal.tasks.base import FarmTask


@app.task(
    name=names.SUBMIT,
    bind=True,
    base=FarmTask,
    # This message is all there is of the request, so it waits for the database, and for room.
    autoretry_for=(StoreUnavailable, TooBusy),
    max_retries=None,
    retry_backoff=1,
    retry_backoff_max=30,
)
def submit(self: FarmTask, document: str) -> None:
    flow.submit(self.farm, _read(document), door="broker")


def _read(document: str) -> ChangeRequest:
    try:
        return ChangeRequest.from_json(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidRequest(".".join(map(str, first["loc"])), first["msg"]) from error
