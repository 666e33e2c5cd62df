"""ChangeRequests over HTTP: submit, list, show, cancel, retry."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response

from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.request_status import RequestStatus, RequestSummary
from selfheal.flows import cancel as cancelling
from selfheal.flows import retry as retrying
from selfheal.flows import submit as submitting
from selfheal.service.access import Reader, Submitter
from selfheal.service.desk import FarmHere
from selfheal.service.examples import CHANGE_REQUEST, RUNNING, SUMMARY
from selfheal.service.problems import documented
from selfheal.service.shown import show_status, status_of, summary_of
from selfheal.store import requests

router = APIRouter(prefix="/change-requests", tags=["change requests"])

_STATUS = {"content": {"application/json": {"example": RUNNING}}}


@router.post(
    "", status_code=202, responses={202: _STATUS, **documented(413)}, response_model=RequestStatus
)
def submit(
    caller: Submitter,
    farm: FarmHere,
    response: Response,
    request: Annotated[ChangeRequest, Body(openapi_examples=CHANGE_REQUEST)],
) -> RequestStatus:
    """Accept a ChangeRequest. Its `id` is the idempotency key: a repeat changes nothing.

    When this is answered the request is stored and reaches an end state, whatever dies. A request
    for a failure that is being worked at is folded into the open one, which `folded_into` names.
    """
    accepted = submitting.submit(farm, _from_here(request), door="api", by=caller.name)
    response.headers["Location"] = f"/change-requests/{accepted.id}"
    return show_status(farm, accepted.id)


def _from_here(request: ChangeRequest) -> ChangeRequest:
    """With its source, where it does not say one."""
    said = "source" in request.model_fields_set
    return request if said else request.model_copy(update={"source": "api"})


@router.get(
    "",
    responses={200: {"content": {"application/json": {"example": [SUMMARY]}}}, **documented(404)},
)
def list_newest(
    caller: Reader,
    farm: FarmHere,
    limit: Annotated[int, Query(ge=1, le=1000, description="how many at most")] = 20,
    before: Annotated[
        UUID | None, Query(description="only what came before this one: the last of a page")
    ] = None,
) -> list[RequestSummary]:
    """List ChangeRequests, the newest first, without their reports."""
    del caller
    with farm.database.begin() as connection:
        rows = requests.recent(connection, limit, before=before)
    return [summary_of(row) for row in rows]


@router.get("/{request_id}", responses={200: _STATUS, **documented(404)})
def show(caller: Reader, farm: FarmHere, request_id: UUID) -> RequestStatus:
    """Show one ChangeRequest, with its report once it has ended."""
    del caller
    return show_status(farm, request_id)


@router.post("/{request_id}/cancel", responses={200: _STATUS, **documented(404)})
def cancel(caller: Submitter, farm: FarmHere, request_id: UUID) -> RequestStatus:
    """End a ChangeRequest: nothing of it has an effect any more. One that has ended stays so.

    A submitter may end what came with its own token (or an earlier one of the same name), an
    operator everything. The one that a repeat was folded into is ended, and shown.
    """
    return status_of(
        cancelling.cancel(farm, request_id, who=caller.name or "api", only_of=caller.only_own)
    )


@router.post(
    "/{request_id}/retry", status_code=202, responses={202: _STATUS, **documented(404, 409)}
)
def retry(caller: Submitter, farm: FarmHere, response: Response, request_id: UUID) -> RequestStatus:
    """Submit an ended ChangeRequest once more, under a new id, which is shown."""
    accepted = retrying.retry(farm, request_id, door="api", by=caller.name)
    response.headers["Location"] = f"/change-requests/{accepted.id}"
    return show_status(farm, accepted.id)
