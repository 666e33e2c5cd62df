"""The Planner Arm over HTTP (PA-1): goals in, SubTasks out."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body

from selfheal.contracts.decomposition import CapabilitiesResponse, PlanRequest, PlanResponse
from selfheal.errors import RoleRefused
from selfheal.flows.farm import Farm
from selfheal.service.access import Caller, Reader, Submitter
from selfheal.service.desk import DeskHere
from selfheal.service.examples import CAPABILITIES, PLAN, PLAN_REQUEST
from selfheal.service.problems import documented
from selfheal.store import requests

router = APIRouter(tags=["planner arm"])


@router.post(
    "/plan",
    responses={
        200: {"content": {"application/json": {"example": PLAN}}},
        **documented(402, 404, 413, 502),
    },
)
def plan(
    caller: Submitter,
    desk: DeskHere,
    request: Annotated[PlanRequest, Body(openapi_examples=PLAN_REQUEST)],
) -> PlanResponse:
    """Cut a goal into SubTasks: by a model, or by rules where none is configured.

    The ChangeRequest that `request_id` names pays for it. A submitter may name what came with its
    own token, an operator any.
    """
    if request.request_id is not None:
        _refuse_to_spend_of_others(caller, desk.farm, request.request_id)
    with desk.metrics.plan():
        return desk.arm.answer(request)


@router.get(
    "/capabilities",
    responses={
        200: {"content": {"application/json": {"example": CAPABILITIES}}},
        **documented(),
    },
)
def capabilities(caller: Reader, desk: DeskHere) -> CapabilitiesResponse:
    """Show what the Planner Arm can do, and how it has done since the process began."""
    del caller
    entry = desk.arm.roster["planner"]
    return CapabilitiesResponse(
        arm_id="planner",
        capabilities=entry.does,
        cost_tier=entry.cost_tier,
        average_latency_ms=desk.arm.track.average_latency_ms,
        success_rate=desk.arm.track.success_rate,
    )


def _refuse_to_spend_of_others(caller: Caller, farm: Farm, request_id: UUID) -> None:
    """Raises UnknownId, and RoleRefused for who may not spend this ChangeRequest's budget."""
    with farm.database.begin() as connection:
        row = requests.load(connection, request_id)
    if caller.only_own is not None and row.submitted_by != caller.only_own:
        raise RoleRefused(
            f"ChangeRequest {request_id} was not submitted by {caller.only_own}: the role operator "
            "may spend what others have"
        )
