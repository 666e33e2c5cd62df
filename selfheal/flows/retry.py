"""Retry: what has ended is asked for once more."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from selfheal.errors import StateRefused
from selfheal.flows.farm import Farm
from selfheal.flows.submit import Door, submit
from selfheal.store import requests
from selfheal.store.requests import Accepted


def retry(farm: Farm, request_id: UUID, *, door: Door, by: str | None = None) -> Accepted:
    """Submit the same change under a new id; raises UnknownId, StateRefused, and as `submit`.

    Two retries at the same time are one: the second is folded into the first.
    """
    with farm.database.begin() as connection:
        row = requests.follow(connection, request_id)
    if not row.ended:
        raise StateRefused(
            f"ChangeRequest {row.id} is {row.state}: only what has ended can be retried; "
            "wait for it or cancel it"
        )
    again = row.request.model_copy(update={"id": uuid4(), "requested_at": datetime.now(UTC)})
    return submit(farm, again, door=door, by=by)
