"""What a kind of broker asks of Celery's configuration; docs/brokers.md says what was tried."""

from __future__ import annotations

from typing import Any, Literal

from selfheal.errors import InvalidSettings
from selfheal.settings import Settings

Kind = Literal["redis", "amqp"]

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("redis", "rediss", "redis+socket", "sentinel"), "redis"),
    **dict.fromkeys(("amqp", "amqps", "pyamqp"), "amqp"),
}


_ONE_MORE_TRY = {"max_retries": 1, "interval_start": 0}
"""For whoever sends: what was not sent is in the outbox. By itself kombu tries for 4 seconds, and
somebody waits for an answer meanwhile. A worker's consumer has a patience of its own."""


def kind_of(url: str) -> Kind:
    """The kind of broker behind a URL; raises InvalidSettings for any other."""
    scheme = url.partition("://")[0]
    if scheme not in _KINDS:
        raise InvalidSettings(
            f"broker URL: expected a scheme of Redis or AMQP ({', '.join(_KINDS)}), found {scheme}"
        )
    return _KINDS[scheme]


def broker_configuration(url: str, settings: Settings) -> dict[str, Any]:
    """Celery's settings for the broker at `url`, each with its reason."""
    return _redis(settings) if kind_of(url) == "redis" else _amqp()


def _redis(settings: Settings) -> dict[str, Any]:
    return {
        # A worker holds no message that it does not work at, so that others can have it.
        "worker_disable_prefetch": True,
        "broker_transport_options": {
            **_ONE_MORE_TRY,
            # A last net, longer than any task: liveness is decided in PostgreSQL.
            "visibility_timeout": settings.broker.visibility_timeout_seconds,
            # kombu looks for unacknowledged messages every 100 s by default (10 x 10).
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            # Half-open sockets are noticed instead of waited on.
            "socket_keepalive": True,
            "health_check_interval": 25,
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
        },
    }


def _amqp() -> dict[str, Any]:
    return {
        # There the prefetch count alone bounds what a worker holds, and it is one for each child.
        "worker_disable_prefetch": False,
        # The outbox marks a message as sent when the broker says that it has it, not before.
        "broker_transport_options": {**_ONE_MORE_TRY, "confirm_publish": True},
        # Half-open sockets are noticed instead of waited on.
        "broker_heartbeat": 25,
        # A message held for longer than the broker's `consumer_timeout` closes the channel, which
        # would end the worker. It connects anew instead: the attempt goes on, and the copy that
        # comes finds it alive.
        "broker_channel_error_retry": True,
    }
