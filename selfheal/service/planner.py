"""The Planner Arm over HTTP (PA-1): goals in, SubTasks out."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request, Response, status
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from structlog.typing import FilteringBoundLogger

from selfheal.contracts.decomposition import (
    CapabilitiesResponse,
    HealthResponse,
    PlanRequest,
    PlanResponse,
)
from selfheal.contracts.document import Value
from selfheal.contracts.problem import Problem
from selfheal.errors import SelfhealError
from selfheal.flows.readiness import Probe, Readiness
from selfheal.planning.arm import PlannerArm
from selfheal.planning.arm_settings import PlannerSettings
from selfheal.service.planner_metrics import PlannerMetrics
from selfheal.service.problems import answer_of, answer_of_defect, refusal_of


class Found(Value):
    """What a look at one thing gave."""

    ok: bool
    found: str


class ReadyResponse(Value):
    """Whether the arm can work, and each thing that it needs for it."""

    ready: bool
    checks: dict[str, Found]


_WRONG: dict[int | str, dict[str, Any]] = {
    400: {"description": "the body is no text"},
    422: {"model": Problem, "description": "a field is wrong: its name stands first"},
    402: {"model": Problem, "description": "the ChangeRequest may spend no more"},
    502: {"model": Problem, "description": "the model failed for good"},
    503: {"model": Problem, "description": "not now: `Retry-After` says when"},
}


def router(
    arm: PlannerArm, readiness: Readiness, *, redact: Callable[[str], str] = str
) -> APIRouter:
    """The endpoints of `arm`. Texts of errors pass through `redact` on their way out."""
    metrics = PlannerMetrics()
    log = structlog.get_logger(
        service=arm.settings.service_name, environment=arm.settings.environment
    )
    told = _route_class(metrics, redact, log=log)
    routes = APIRouter(route_class=told, tags=["planner arm"])

    @routes.post("/plan", responses=_WRONG)
    def plan(request: PlanRequest) -> PlanResponse:
        """Cut a goal into SubTasks."""
        with metrics.plan():
            return arm.answer(request)

    @routes.get("/health")
    def health() -> HealthResponse:
        """Whether the process lives."""
        return HealthResponse(
            status="ok",
            version=arm.settings.service_version,
            model=arm.planner,
            timestamp=datetime.now(UTC),
        )

    @routes.get("/ready", responses={503: {"model": ReadyResponse}})
    def ready(response: Response) -> ReadyResponse:
        """Whether database, broker and model can be reached."""
        checks = {name: _look(probe, redact) for name, probe in readiness.items()}
        all_well = all(check.ok for check in checks.values())
        if not all_well:
            response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        return ReadyResponse(ready=all_well, checks=checks)

    @routes.get("/metrics", response_class=Response)
    def prometheus() -> Response:
        """Counters and histograms as Prometheus reads them."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @routes.get("/capabilities")
    def capabilities() -> CapabilitiesResponse:
        """What the arm can do, and how it has done since the process began."""
        entry = arm.roster["planner"]
        return CapabilitiesResponse(
            arm_id="planner",
            capabilities=entry.does,
            cost_tier=entry.cost_tier,
            average_latency_ms=arm.track.average_latency_ms,
            success_rate=arm.track.success_rate,
        )

    return routes


def let_pages_in(app: FastAPI, settings: PlannerSettings) -> None:
    """Answer pages of the listed origins; none is listed unless somebody does it."""
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        )


def _look(probe: Probe, redact: Callable[[str], str]) -> Found:
    try:
        return Found(ok=True, found=probe())
    except SelfhealError as error:
        return Found(ok=False, found=redact(str(error)))


def _route_class(
    metrics: PlannerMetrics, redact: Callable[[str], str], *, log: FilteringBoundLogger
) -> type[APIRoute]:
    """Routes that log and count each request, and answer errors with their proper status."""

    class Told(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Any]:
            handle = super().get_route_handler()

            async def told(request: Request) -> Response:
                began = time.monotonic()
                code = status.HTTP_500_INTERNAL_SERVER_ERROR
                try:
                    response: Response = await handle(request)
                    code = response.status_code
                except HTTPException as error:
                    code = error.status_code  # FastAPI's own word on a body that is no text
                    raise
                except Exception as error:
                    response = _answer_to(error, redact, log=log)
                    code = response.status_code
                finally:
                    metrics.answered(self.path, code)
                    log.info(
                        "A request was answered.",
                        action="http.request",
                        method=request.method,
                        path=request.url.path,
                        status=code,
                        seconds=round(time.monotonic() - began, 4),
                    )
                return response

            return told

    return Told


def _answer_to(
    error: Exception, redact: Callable[[str], str], *, log: FilteringBoundLogger
) -> Response:
    if isinstance(error, RequestValidationError):
        error = refusal_of(error)
    if isinstance(error, SelfhealError):
        return answer_of(error, redact)
    log.error("A request failed by an error of ours.", action="http.defect", exc_info=error)
    return answer_of_defect()
