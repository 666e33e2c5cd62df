"""Intake: a ChangeRequest that a client sent becomes a row."""

from __future__ import annotations

from pydantic import ValidationError

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.document import refusal
from selfheal.errors import StoreUnavailable, TooBusy
from selfheal.flows import submit as flow
from selfheal.tasks.base import ALONE, FarmTask


@app.task(
    name=names.SUBMIT,
    bind=True,
    base=FarmTask,
    # It waits for room as well.
    **ALONE | {"autoretry_for": (StoreUnavailable, TooBusy)},
)
def submit(self: FarmTask, document: str) -> None:
    flow.submit(self.farm, _read(document), door="broker")


def _read(document: str) -> ChangeRequest:
    try:
        return ChangeRequest.from_json(document)
    except ValidationError as error:
        raise refusal(error) from error
