"""The way from an application to a farm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from selfheal.contracts.change_request import ChangeRequest
    from selfheal.contracts.request_status import RequestStatus


class Transport(Protocol):
    """Opens its connections at first use; threads may share it. Raises errors of ours only."""

    def submit(self, request: ChangeRequest) -> None:
        """Hand the request to the farm."""

    def cancel(self, request_id: UUID) -> None:
        """Ask the farm to end a ChangeRequest."""

    def status(self, request_id: UUID, *, within: float) -> RequestStatus:
        """How the ChangeRequest of this id stands, asked for no longer than `within` seconds."""

    def close(self) -> None:
        """Let go of connections; the next call opens new ones."""
