"""Dead letters: a message that a worker could not take is written down."""

from __future__ import annotations

from selfheal.celery import app
from selfheal.contracts import names
from selfheal.contracts.dead_letter import DeadLetter
from selfheal.flows import set_aside as flow
from selfheal.tasks.base import ALONE, FarmTask


@app.task(name=names.SET_ASIDE, bind=True, base=FarmTask, **ALONE)
def set_aside(self: FarmTask, document: str) -> None:
    flow.set_aside(self.farm, DeadLetter.from_json(document))
