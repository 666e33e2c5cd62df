"""ChangeRequest -> a committed row: accepted."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal

from sqlalchemy import Connection

from selfheal.contracts import names
from selfheal.contracts.change_request import ChangeRequest
from selfheal.errors import InvalidRequest, TooBusy
from selfheal.flows.connect import refuse_secrets
from selfheal.flows.farm import Farm
from selfheal.redaction.documents import redacted_request
from selfheal.settings import AdmissionSettings
from selfheal.store import decompositions, outbox, plans, requests
from selfheal.store.requests import Accepted

Door = Literal["terminal", "broker", "api"]


def submit(farm: Farm, request: ChangeRequest, *, door: Door, by: str | None = None) -> Accepted:
    """Accept `request` once; a repeat of an open failure is folded into the open request.

    `by` is the name of the API token it came with, if it came with one. What is stored has no
    secrets in its texts.

    Raises InvalidRequest for what this door does not allow, and TooBusy. When this returns, the
    row is committed: the request reaches an end state whatever dies.
    """
    refuse_secrets(farm, repo=request.repo, branch=request.branch)
    request = redacted_request(farm.redactor, request)
    if door != "terminal":
        _check_allowed(farm, request)
    with farm.database.begin() as connection:
        accepted = admit(connection, request, farm.settings.admission, by=by)
    farm.flush()
    return accepted


def admit(
    connection: Connection,
    request: ChangeRequest,
    admission: AdmissionSettings,
    *,
    by: str | None = None,
) -> Accepted:
    """The rows that make `request` accepted, or folded, in the caller's transaction.

    It is stored with the caps that hold for it. Raises TooBusy, which must undo that transaction,
    for a new one when as many are open as may be. A repeat is no burden, and always accepted.
    """
    request = request.model_copy(update={"budget": admission.budget(request.budget)})
    accepted = requests.accept(connection, request, by=by)
    if not accepted.is_new:
        return accepted
    most = admission.max_open_requests
    if requests.more_open_than(connection, most):
        raise TooBusy(
            f"{most} ChangeRequests are open already: nothing was accepted, submit again later"
        )
    ask_for_plan(connection, request)
    return accepted


def ask_for_plan(connection: Connection, request: ChangeRequest) -> None:
    """What comes first for an accepted request: its plan, or the SubTasks it is cut into."""
    if request.is_to_be_cut:
        name, subject = names.DECOMPOSE, decompositions.ask_for(connection, request.id)
    else:
        name, subject = names.PLAN, plans.ask_for(connection, request.id, number=1)
    outbox.put(connection, name, subject, request_id=request.id, urgency=request.priority)


def _check_allowed(farm: Farm, request: ChangeRequest) -> None:
    """A person at the terminal may name any path and interpreter; a message may not."""
    patterns = farm.settings.safety.allow_repos
    if not any(fnmatchcase(request.repo, pattern) for pattern in patterns):
        raise InvalidRequest(
            "repo",
            f"{request.repo} matches none of safety.allow_repos ({', '.join(patterns)}); "
            "the farm's operator can add a pattern",
        )
    if "python" in request.context:
        raise InvalidRequest("context.python", "only a request made at the terminal may set it")
