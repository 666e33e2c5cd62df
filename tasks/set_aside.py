"""Dead letters: a message that a worker could not take is written down."""

from __future__ import annotations

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.contracts.dead_letter import DeadLetter
from selfheal.errors import StoreUnavailable
from selfheal.flows import set_aside as flow
from selfheal.tasks.base import FarmTask


@app.task(
    name=names.SET_ASIDE,
    bind=True,
    base=FarmTask,
    # This message is all there is of the letter, so it waits for the database.
    autoretry_for=(StoreUnavailable,),
    max_retries=None,
    retry_backoff=1,
    retry_backoff_max=30,
)
def set_aside(self: FarmTask, document: str) -> None:
    flow.set_aside(self.farm, DeadLetter.from_json(document))
