"""Submits and cancels ChangeRequests through the broker: nothing else need be reachable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from celery import Celery

    from selfheal.contracts.change_request import ChangeRequest

TIMEOUT_SECONDS = 2.0
"""The longest a call may keep its host waiting."""


class Client:
    """A farm, seen from an application. Opens its connection at first use; threads may share it."""

    def __init__(self, *, broker_url: str) -> None:
        self._broker_url = broker_url
        self._app: Celery | None = None

    def submit(self, request: ChangeRequest | None = None, /, **fields: Any) -> Handle:
        """Send a ChangeRequest, or one made of `fields`; its id is known at once.

        What is secret in its texts, as far as this process can tell, does not leave it. Raises
        InvalidRequest naming the field that is wrong, and BrokerUnavailable within
        TIMEOUT_SECONDS or so. Submitting the same request again is harmless: its id is the
        idempotency key.
        """
        from selfheal.contracts import names

        request = _without_secrets(request or _request(fields))
        self._send(names.SUBMIT, request.to_json(), about=request.id)
        return Handle(request.id, self)

    def cancel(self, request_id: UUID) -> None:
        """Ask the farm to end a ChangeRequest; raises BrokerUnavailable."""
        from selfheal.contracts import names

        self._send(names.CANCEL, str(request_id), about=request_id)

    def _send(self, task_name: str, argument: str, *, about: UUID) -> None:
        from kombu.exceptions import OperationalError

        from selfheal.contracts.names import ROUTES
        from selfheal.errors import BrokerUnavailable

        try:
            self._connected().send_task(
                task_name,
                args=[argument],
                queue=ROUTES[task_name],
                retry=False,
                ignore_result=True,
                root_id=str(about),
                # What watchers such as Flower show: an issue's text may hold what is not theirs.
                argsrepr=f"('{about}',)",
                kwargsrepr="{}",
            )
        except (OperationalError, OSError) as error:
            raise BrokerUnavailable(f"the broker took no message: {error}") from error

    def _connected(self) -> Celery:
        from celery import Celery

        if self._app is None:
            # Not the current app: the host may have one of its own.
            self._app = Celery("selfheal-client", broker=self._broker_url, set_as_current=False)
            self._app.conf.update(
                broker_connection_timeout=TIMEOUT_SECONDS,
                broker_transport_options={
                    "socket_timeout": TIMEOUT_SECONDS,
                    "socket_connect_timeout": TIMEOUT_SECONDS,
                    "max_retries": 0,
                },
                task_create_missing_queues=True,
            )
        return self._app


@dataclass(frozen=True, slots=True)
class Handle:
    """A submitted ChangeRequest."""

    id: UUID
    client: Client

    def cancel(self) -> None:
        """Ask the farm to end it; raises BrokerUnavailable."""
        self.client.cancel(self.id)


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
