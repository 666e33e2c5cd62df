"""Through the broker, when nothing else of the farm can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn
from uuid import UUID

from selfheal.errors import BrokerUnavailable, InvalidSettings

if TYPE_CHECKING:
    from celery import Celery

    from selfheal.contracts.change_request import ChangeRequest


class BrokerTransport:
    """Sends messages, and hears nothing back: a message is accepted when a worker has read it."""

    def __init__(self, url: str, *, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._app: Celery | None = None

    def submit(self, request: ChangeRequest) -> None:
        """Send it; raises BrokerUnavailable within the timeout or so."""
        from selfheal.contracts import names

        self._send(names.SUBMIT, request.to_json(), about=request.id)

    def cancel(self, request_id: UUID) -> None:
        """Ask for its end; raises BrokerUnavailable."""
        from selfheal.contracts import names

        self._send(names.CANCEL, str(request_id), about=request_id)

    def status(self, request_id: UUID, *, within: float) -> NoReturn:
        """Raises InvalidSettings: nothing comes back this way."""
        del within
        raise InvalidSettings(
            f"how ChangeRequest {request_id} stands cannot be asked through a broker: give the "
            "client the farm's service instead, as Client(http=..., token=...)"
        )

    def close(self) -> None:
        """Let go of connections."""
        if self._app is not None:
            self._app.close()
            self._app = None

    def _send(self, task_name: str, argument: str, *, about: UUID) -> None:
        from selfheal.contracts.names import ROUTES

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
        # A driver for each kind of broker, each with errors of its own: none may reach the host.
        except Exception as error:
            raise BrokerUnavailable(f"the broker took no message: {error}") from error

    def _connected(self) -> Celery:
        from celery import Celery

        if self._app is None:
            # Not the current app: the host may have one of its own.
            self._app = Celery("selfheal-client", broker=self._url, set_as_current=False)
            self._app.conf.update(
                broker_connection_timeout=self._timeout,
                broker_transport_options={
                    "socket_timeout": self._timeout,
                    "socket_connect_timeout": self._timeout,
                    "max_retries": 0,
                },
                task_create_missing_queues=True,
            )
        return self._app
