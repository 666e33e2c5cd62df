"""Cancel: one transaction after which nothing of the request has an effect any more."""

from __future__ import annotations

from uuid import UUID

from selfheal.errors import RoleRefused
from selfheal.flows import report
from selfheal.flows.farm import Farm
from selfheal.store import requests
from selfheal.store.requests import RequestRow


def cancel(farm: Farm, request_id: UUID, *, who: str, only_of: str | None = None) -> RequestRow:
    """End the request CANCELLED; one that has ended stays as it is. Raises UnknownId.

    With `only_of`, raises RoleRefused unless the API token of this name has submitted it.

    Running attempts hear of it with their next heartbeat and kill what runs in their sandboxes;
    their effects are refused from this commit on.
    """
    with farm.database.begin() as connection:
        row = requests.follow(connection, request_id)
        if only_of is not None and row.submitted_by != only_of:
            raise RoleRefused(
                f"ChangeRequest {row.id} was not submitted by {only_of}: the role operator may "
                "cancel what others have submitted"
            )
        if not row.ended:
            report.end(
                connection,
                row.id,
                state="CANCELLED",
                cause="cancelled",
                reason=f"cancelled by {who}",
                who=who,
                next_step="submit it again when it is wanted after all",
            )
            requests.ask_to_cancel(connection, row.id)
        row = requests.load(connection, row.id)
    farm.flush()
    return row
