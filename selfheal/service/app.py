"""The service as one ASGI application."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from structlog.typing import FilteringBoundLogger

from selfheal import __version__
from selfheal.flows.farm import Farm
from selfheal.planning.arm import PlannerArm
from selfheal.service import change_requests, events, planner, probes, problems
from selfheal.service.body_limit import AnnouncedBodies
from selfheal.service.desk import Desk
from selfheal.service.headers import SecurityHeaders
from selfheal.service.request_log import RequestLog

ROUTERS = (change_requests.router, events.router, planner.router, probes.router)
"""Every noun has its own, added here; each endpoint says itself which role it needs."""

_DESCRIPTION = """\
A ChangeRequest goes in, a verified git branch comes out, or an honest reason why not.

Whoever asks shows a token (`Authorization: Bearer ...`). Its role says what it may do: a `reader`
looks, a `submitter` also submits, retries and ends its own, an `operator` does everything. While
no token was made, programs on the service's own machine need none. `/health` and `/ready` need none
ever.

Errors are answered with a `Problem`, which names the field that is wrong, if one is.
"""


def create_app(farm: Farm, *, arm: PlannerArm | None = None) -> FastAPI:
    """The service in front of `farm`, with another Planner Arm than the farm's if one is given.

    Nothing is opened before the first request. A wrong PLANNER_ variable raises InvalidSettings.
    """
    arm = arm or farm.arm
    app = FastAPI(
        title="selfheal",
        version=__version__,
        description=_DESCRIPTION,
        # Their pages load scripts from elsewhere; the document itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
    )
    app.state.desk = desk = Desk(farm, arm)
    # From the inside out.
    most = farm.settings.service.max_body_bytes
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=most)
    app.add_middleware(AnnouncedBodies, most=most)
    app.add_middleware(RequestLog, metrics=desk.metrics, log=_log(arm))
    _let_pages_in(app, arm.settings.cors_origins)
    app.add_middleware(SecurityHeaders)
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app


def _log(arm: PlannerArm) -> FilteringBoundLogger:
    """Bound late, so that logs may be configured after this."""
    log: FilteringBoundLogger = structlog.get_logger(
        service=arm.settings.service_name, environment=arm.settings.environment
    )
    return log


def _let_pages_in(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins read answers (PA-11); none is listed unless somebody does it."""
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
            expose_headers=["Location", "Retry-After"],
        )
