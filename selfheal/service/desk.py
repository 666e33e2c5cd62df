"""What one process of the service holds for all its endpoints."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Request

from selfheal.errors import TooBusy
from selfheal.flows.farm import Farm
from selfheal.flows.readiness import readiness_of
from selfheal.planning.arm import PlannerArm
from selfheal.service.farm_metrics import FarmMetrics
from selfheal.service.lookout import Lookout
from selfheal.service.metrics import Metrics
from selfheal.service.rate import Rate


class Desk:
    """The farm behind the service, its Planner Arm, and what is counted in this process."""

    def __init__(self, farm: Farm, arm: PlannerArm) -> None:
        self.farm = farm
        self.arm = arm
        self.settings = farm.settings.service
        self.rate = Rate(self.settings.requests_per_minute)
        self.metrics = Metrics(FarmMetrics(farm.database))
        self.lookout = Lookout(readiness_of(farm, arm))
        self.closing = threading.Event()
        """Set when the process is told to end: streams end then."""
        self._places = threading.BoundedSemaphore(self.settings.max_streams)

    @contextmanager
    def stream(self) -> Iterator[None]:
        """A place for one stream; raises TooBusy where all are taken."""
        if not self._places.acquire(blocking=False):
            raise TooBusy(
                f"{self.settings.max_streams} runs are followed already: come back later, or ask "
                "for /change-requests/{id} now and then"
            )
        try:
            yield
        finally:
            self._places.release()


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


DeskHere = Annotated[Desk, Depends(_desk)]


async def _farm(desk: DeskHere) -> Farm:
    return desk.farm


FarmHere = Annotated[Farm, Depends(_farm)]
"""As parameters of an endpoint: the farm that it serves."""
