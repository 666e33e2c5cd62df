"""The scheduler that `celery -A selfheal beat` runs: schedules in PostgreSQL, any number of beats.

It keeps nothing in memory or in a file, so a beat may be started, killed and doubled at will.
"""

from __future__ import annotations

from typing import Any, cast

import structlog
from celery.beat import Scheduler

from selfheal.celery import FarmApp
from selfheal.errors import SelfhealError
from selfheal.flows.fire import fire_due


class PostgresScheduler(Scheduler):
    """Fires what is due in the `schedules` table. Celery's own `beat_schedule` is not read.

    Celery makes a second, lazy one for its banner: connections are opened by the first tick only.
    """

    def setup_schedule(self) -> None:
        """Nothing to set up: the rows are the schedule."""

    def tick(self, *_: Any, **__: Any) -> float:
        """Fire what is due; gives the seconds until the next look.

        Never raises: whatever is away now will be back, and a beat that has died fires nothing.
        """
        log = structlog.get_logger()
        wait = float(self.max_interval or 1)
        try:
            wait = min(fire_due(cast(FarmApp, self.app).farm), wait)
        except SelfhealError as error:
            log.warning(str(error), action="beat.away")
        except Exception:
            log.exception("This round of the beat failed.", action="beat.failed")
        return wait

    def close(self) -> None:
        """Let go of this process's connections."""
        super().close()
        app = cast(FarmApp, self.app)
        if "farm" in vars(app):
            app.farm.close()
