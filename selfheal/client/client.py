"""A farm, seen from an application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from selfheal.client.handle import Handle
from selfheal.errors import InvalidSettings

if TYPE_CHECKING:
    from selfheal.client.transport import Transport
    from selfheal.contracts.change_request import ChangeRequest
    from selfheal.contracts.request_status import RequestStatus

TIMEOUT_SECONDS = 2.0
"""The longest a call may keep its host waiting, unless the host says otherwise."""


class Client:
    """Submits ChangeRequests, through the broker or the HTTP service of a farm.

    `Client(broker_url=...)` submits and cancels: nothing but the broker need be reachable.
    `Client(http=..., token=...)` also tells how a request stands. Connections are opened at first
    use; threads may share a client. Every error is a `SelfhealError`.
    """

    def __init__(
        self,
        *,
        broker_url: str | None = None,
        http: str | None = None,
        token: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        """`timeout` is in seconds, for each call; raises InvalidSettings."""
        self._timeout = timeout
        self._transport = _transport(broker_url, http, token=token, timeout=timeout)

    def submit(self, request: ChangeRequest | None = None, /, **fields: Any) -> Handle:
        """Hand over a ChangeRequest, or one made of `fields`; its id is known at once.

        What is secret in its texts, as far as this process can tell, does not leave it. Raises
        InvalidRequest naming the field that is wrong; BrokerUnavailable, or ServiceUnavailable,
        TokenRefused and RoleRefused, within the timeout or so. Submitting the same request again
        is harmless: its id is the idempotency key.
        """
        request = _without_secrets(request or _request(fields))
        self._transport.submit(request)
        return self.handle(request.id)

    def handle(self, request_id: UUID) -> Handle:
        """The handle of what was submitted earlier; nothing is asked."""
        return Handle(request_id, self)

    def status(self, request_id: UUID, *, within: float | None = None) -> RequestStatus:
        """How a ChangeRequest stands, or the one that it was folded into. Needs `http`.

        `within` may shorten the timeout. Raises UnknownId, ServiceUnavailable, TokenRefused.
        """
        seconds = self._timeout if within is None else within
        status = self._transport.status(request_id, within=seconds)
        while status.folded_into is not None:
            status = self._transport.status(status.folded_into, within=seconds)
        return status

    def cancel(self, request_id: UUID) -> None:
        """Ask the farm to end a ChangeRequest; raises BrokerUnavailable, or ServiceUnavailable,
        UnknownId, TokenRefused and RoleRefused."""
        self._transport.cancel(request_id)

    def close(self) -> None:
        """Let go of connections; a later call opens new ones."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _transport(
    broker_url: str | None, http: str | None, *, token: str | None, timeout: float
) -> Transport:
    """The one that the arguments ask for; each is imported only where it is used."""
    if (broker_url is None) == (http is None):
        found = "neither" if http is None else "both"
        raise InvalidSettings(f"expected one of broker_url and http, found {found}")
    if http is not None:
        from selfheal.client.http import HttpTransport

        return HttpTransport(http, token=token, timeout=timeout)
    if token is not None:
        raise InvalidSettings("token: only the service asks for one, found it with broker_url")
    from selfheal.client.broker import BrokerTransport

    assert broker_url is not None
    return BrokerTransport(broker_url, timeout=timeout)


def _without_secrets(request: ChangeRequest) -> ChangeRequest:
    """A traceback may quote the values of this process's own variables: only it knows them."""
    import os

    from selfheal.redaction import Redactor
    from selfheal.redaction.documents import redacted_request

    return redacted_request(Redactor.from_environment(os.environ), request)


def _request(fields: dict[str, Any]) -> ChangeRequest:
    from pydantic import ValidationError

    from selfheal.contracts.change_request import ChangeRequest
    from selfheal.contracts.document import refusal

    try:
        return ChangeRequest(**fields)
    except ValidationError as error:
        raise refusal(error) from error
