"""The Planner Arm over HTTP (PA-1): goals in, SubTasks out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Body, FastAPI, Request, Response, status
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.params import Depends
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
from selfheal.errors import InvalidRequest, SelfhealError
from selfheal.flows.readiness import Probe, Readiness
from selfheal.planning.arm import PlannerArm
from selfheal.planning.arm_settings import PlannerSettings
from selfheal.service.examples import CAPABILITIES, HEALTH, PLAN, PLAN_REQUEST, READY
from selfheal.service.planner_metrics import PlannerMetrics
from selfheal.service.problems import (
    answer_of,
    answer_of_defect,
    documented,
    documented_beside_a_stream,
    refusal_of,
)


class Found(Value):
    """What a look at one thing gave."""

    ok: bool
    found: str


class ReadyResponse(Value):
    """Whether the arm can work, and each thing that it needs for it."""

    ready: bool
    checks: dict[str, Found]


def router(
    arm: PlannerArm,
    readiness: Readiness,
    *,
    redact: Callable[[str], str] = str,
    needs: Sequence[Depends] = (),
) -> APIRouter:
    """The endpoints of `arm`. Texts of errors pass through `redact` on their way out.

    `needs` is what must hold of whoever asks for a plan, metrics or capabilities. Whether the arm
    lives and is ready may be asked by anybody: those who do are programs that start and stop it.
    """
    metrics = PlannerMetrics()
    log = structlog.get_logger(
        service=arm.settings.service_name, environment=arm.settings.environment
    )
    told = _route_class(metrics, redact, log=log)
    routes = APIRouter(route_class=told, tags=["planner arm"])

    @routes.post(
        "/plan", responses={200: _shown(PLAN), **documented(402, 413, 502)}, dependencies=needs
    )
    def plan(
        request: Annotated[PlanRequest, Body(openapi_examples=PLAN_REQUEST)],
    ) -> PlanResponse:
        """Cut a goal into SubTasks."""
        with metrics.plan():
            return arm.answer(request)

    @routes.get("/health", responses={200: _shown(HEALTH)})
    def health() -> HealthResponse:
        """Whether the process lives."""
        return HealthResponse(
            status="ok",
            version=arm.settings.service_version,
            model=arm.planner,
            timestamp=datetime.now(UTC),
        )

    @routes.get(
        "/ready", responses={200: _shown(READY), 503: {"model": ReadyResponse, **_NOT_READY}}
    )
    def ready(response: Response) -> ReadyResponse:
        """Whether database, broker and model can be reached."""
        checks = {name: _look(probe, redact) for name, probe in readiness.items()}
        all_well = all(check.ok for check in checks.values())
        if not all_well:
            response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        return ReadyResponse(ready=all_well, checks=checks)

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={200: _METRICS, **documented_beside_a_stream()},
        dependencies=needs,
    )
    def prometheus() -> Response:
        """Counters and histograms as Prometheus reads them."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @routes.get(
        "/capabilities", responses={200: _shown(CAPABILITIES), **documented()}, dependencies=needs
    )
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


def _shown(example: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"example": example}}}


_NOT_READY = {
    "description": "Something that it needs cannot be reached; it is named.",
    **_shown(READY | {"ready": False, "checks": {"database": {"ok": False, "found": "away"}}}),
}
_METRICS = {
    "description": "Prometheus's text format.",
    "content": {"text/plain": {"example": 'planner_plans_total{result="planned"} 12.0'}},
}


_READABLE = "a body of JSON that can be read"


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
                    if error.status_code != status.HTTP_400_BAD_REQUEST:
                        code = error.status_code
                        raise
                    # FastAPI's own word on a body that is no text.
                    response = answer_of(InvalidRequest("request", _READABLE), redact)
                    code = response.status_code
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
