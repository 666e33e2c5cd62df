"""The worker's consumer: what it cannot take it sets aside, and goes on with the next message.

A message that is no good is sent, as a letter, to a task of the light pool, which writes it down;
then the broker is told that it is done with. So no database is needed here, the letter waits as
any work does while the database is away, and a worker that dies in between sets it aside again:
the letter's id is derived from what came. It goes over the consumer's own connection, because
children are forked from this process and inherit whatever is open.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from inspect import Signature
from typing import TYPE_CHECKING, Any, cast

from celery.utils.log import get_logger
from celery.worker.consumer import Consumer
from kombu.exceptions import OperationalError

from selfheal.contracts import names
from selfheal.worker.envelope import read_carefully
from selfheal.worker.letters import letter_of
from selfheal.worker.reading import Incoming, fault_of

if TYPE_CHECKING:
    from celery import Celery

    from selfheal.celery import FarmApp

_logger = get_logger(__name__)

EVENTS_SECONDS = 0.25
"""How long events for Flower are gathered. Celery publishes nearly each by itself, which was a
third of the CPU of a worker's main process (`benchmarks/farm.py --only overhead`)."""

_Consumer: Any = Consumer  # its type hints leave out most of it


class FarmConsumer(_Consumer):  # type: ignore[misc]
    """Celery's, with every message looked at before it is believed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app = cast("FarmApp", self.app)
        self._max_bytes = app.settings.broker.max_message_bytes
        self._redactor = app.redactor
        self._gathering = False

    def connection_for_read(self, heartbeat: float | None = None) -> Any:
        connection = self.app.connection_for_read(heartbeat=heartbeat)
        if connection.transport.driver_type == "redis":
            read_carefully(connection.transport, max_bytes=self._max_bytes)
        return self.ensure_connected(connection)

    def on_send_event_buffered(self) -> None:
        if not self._gathering:
            self._gathering = True
            self.hub.call_later(EVENTS_SECONDS, self._publish_events)

    def _publish_events(self) -> None:
        self._gathering = False
        self._flush_events()

    def shutdown(self) -> None:
        self._flush_events()
        super().shutdown()

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        handle = super().create_task_handler(*args, **kwargs)
        signature_of = signatures(self.app)

        def receive(message: Any) -> None:
            fault = fault_of(_incoming(message), signature_of, max_bytes=self._max_bytes)
            if fault:
                self._set_aside(message, fault)
                return
            try:
                handle(message)
            except (*self.connection_errors, *self.channel_errors):
                raise
            except Exception as error:
                # Celery found something in the message that `fault_of` does not know of.
                self._set_aside(message, f"the worker cannot take it: {error!r}")

        return receive

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """kombu could not even unpack it, by its `compression` for example."""
        self._set_aside(message, f"it cannot be decoded: {exc}")

    def on_unknown_message(self, _body: Any, message: Any) -> None:
        self._set_aside(message, "it is no message of Celery's")

    def on_unknown_task(self, _body: Any, message: Any, exc: Exception) -> None:
        self._set_aside(message, f"there is no task called {exc}")

    def on_invalid_task(self, _body: Any, message: Any, exc: Exception) -> None:
        self._set_aside(message, f"the worker cannot take it: {exc}")

    def _set_aside(self, message: Any, reason: str) -> None:
        """Raises ConnectionError, with the message still the broker's, when the broker is away."""
        queue = str((message.delivery_info or {}).get("routing_key", ""))
        letter = letter_of(_incoming(message), queue, reason, self._redactor)
        try:
            self.app.send_task(
                names.SET_ASIDE,
                args=[letter.to_json()],
                argsrepr=f"('{letter.id}',)",
                queue=names.ROUTES[names.SET_ASIDE],
                connection=self.connection,
                ignore_result=True,
                retry=False,
            )
        except OperationalError as error:
            raise ConnectionError(str(error)) from error
        message.ack_log_error(_logger, self.connection_errors)
        _logger.warning("Set aside a message of queue %s: %s", letter.queue, letter.reason)


def signatures(app: Celery) -> Callable[[str], Signature | None]:
    """The parameters of each task that the app knows."""
    known = {name: inspect.signature(task.run) for name, task in app.tasks.items()}
    return known.get


def _incoming(message: Any) -> Incoming:
    body = message.body
    return Incoming(
        body=body if isinstance(body, bytes) else str(body or "").encode("utf-8", "replace"),
        content_type=str(message.content_type or ""),
        content_encoding=str(message.content_encoding or "utf-8"),
        headers=message.headers or {},
    )
