"""What machines ask the service about itself: does it live, can it work, what has it counted."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Response, status
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from selfheal.contracts.decomposition import HealthResponse
from selfheal.service.access import Reader
from selfheal.service.desk import DeskHere
from selfheal.service.examples import AWAY, HEALTH, METRICS, READY
from selfheal.service.lookout import ReadyResponse
from selfheal.service.problems import documented_beside_text

router = APIRouter(tags=["service"])


@router.get("/health", responses={200: {"content": {"application/json": {"example": HEALTH}}}})
async def health(desk: DeskHere) -> HealthResponse:
    """Answer, which shows that the process lives; no token is needed."""
    return HealthResponse(
        status="ok",
        version=desk.arm.settings.service_version,
        model=desk.arm.planner,
        timestamp=datetime.now(UTC),
    )


@router.get(
    "/ready",
    responses={
        200: {"content": {"application/json": {"example": READY}}},
        503: {
            "description": "Something that is needed is away; the log says why.",
            "model": ReadyResponse,
            "content": {"application/json": {"example": AWAY}},
        },
    },
)
async def ready(desk: DeskHere, response: Response) -> ReadyResponse:
    """Look whether database, broker and model can be reached; no token is needed.

    An answer may be some seconds old.
    """
    found = await desk.lookout.report()
    if not found.ready:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return found


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={
        200: {"content": {"text/plain": {"example": METRICS}}},
        **documented_beside_text(),
    },
)
def metrics(caller: Reader, desk: DeskHere) -> Response:
    """Show what this process has counted and the farm's rows tell, as Prometheus reads it."""
    del caller
    return Response(desk.metrics.text(), media_type=CONTENT_TYPE_LATEST)
