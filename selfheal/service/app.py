"""The service as one ASGI application."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from selfheal import __version__
from selfheal.flows.farm import Farm
from selfheal.flows.readiness import readiness_of
from selfheal.service import change_requests, events, planner, problems
from selfheal.service.access import SUBMITTER
from selfheal.service.body_limit import AnnouncedBodies
from selfheal.service.desk import Desk
from selfheal.service.headers import SecurityHeaders

ROUTERS = (change_requests.router, events.router)
"""Every noun has its own, added here; each endpoint says itself which role it needs."""

_DESCRIPTION = """\
A ChangeRequest goes in, a verified git branch comes out, or an honest reason why not.

Whoever asks shows a token (`Authorization: Bearer ...`). Its role says what it may do: a `reader`
looks, a `submitter` also submits, retries and ends its own, an `operator` does everything. While
no token was made, programs on the service's own machine need none.

Errors are answered with a `Problem`, which names the field that is wrong, if one is.
"""


def create_app(farm: Farm) -> FastAPI:
    """The service in front of `farm`; nothing is opened before the first request."""
    app = FastAPI(
        title="selfheal",
        version=__version__,
        description=_DESCRIPTION,
        # Their pages load scripts from elsewhere; the document itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
    )
    app.state.desk = Desk(farm)
    # From the inside out.
    most = farm.settings.service.max_body_bytes
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=most)
    app.add_middleware(AnnouncedBodies, most=most)
    app.add_middleware(SecurityHeaders)
    problems.install(app)
    for router in (*ROUTERS, _planner_arm(farm)):
        app.include_router(router)
    planner.let_pages_in(app, farm.arm.settings)
    return app


def _planner_arm(farm: Farm) -> APIRouter:
    """Its settings are read now, so that a wrong one is told before anything is served."""
    return planner.router(
        farm.arm,
        readiness_of(farm, farm.arm),
        redact=farm.redactor.redact,
        needs=[SUBMITTER],
    )
