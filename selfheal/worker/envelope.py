"""What a Redis list holds, checked before kombu unpacks it.

On Redis a message is a JSON document with the body inside, and kombu unpacks whatever it pops: a
text that is none ends the worker, and the text is lost. So the reply to BRPOP is looked at first.
What is no envelope is put into one, which says so, and goes the way of every other message.
"""

from __future__ import annotations

import base64
import json
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

from selfheal.contracts.dead_letter import KEPT_BYTES
from selfheal.worker.reading import MALFORMED

_PRIORITY = b"\x06\x16"
"""Between the name of a queue and a priority, in the name of the list."""

Reply = tuple[bytes, bytes] | list[bytes] | None
"""The list's name and what was popped from it."""


def read_carefully(transport: Any, *, max_bytes: int) -> None:
    """Let the channels of this kombu transport for Redis check what they pop.

    Only this instance is changed: the worker's consumer is the only one that pops.
    """

    class CarefulChannel(transport.Channel):  # type: ignore[misc]
        _shared: Any = None

        def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002
            client = super()._create_client(asynchronous)
            client.set_response_callback("BRPOP", partial(checked, max_bytes=max_bytes))
            return client

        @contextmanager
        def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
            """One client for a pool of connections; kombu makes one for each command."""
            if self._shared is None or self._shared.connection_pool is not self.pool:
                self._shared = self._create_client()
            yield client or self._shared

    transport.Channel = CarefulChannel


def checked(reply: Reply, *, max_bytes: int, **_: Any) -> tuple[bytes, bytes] | None:
    """The reply as kombu wants it; what is no envelope, or too large to be unpacked, is in one."""
    if not reply:
        return None
    name, item = reply
    # A body in base64 is longer by a third; headers are short.
    fault = "it is too large to be unpacked" if len(item) > 2 * max_bytes else fault_of(item)
    return (name, wrapped(name, item, fault) if fault else item)


def fault_of(item: bytes) -> str | None:
    """What kombu could not unpack; None for an envelope."""
    try:
        envelope = json.loads(item)
        properties = envelope["properties"]
        delivery = properties["delivery_info"]
        texts = [properties["delivery_tag"], delivery["exchange"], delivery["routing_key"]]
        body, headers = envelope["body"], envelope.get("headers")
        _DECODERS[properties.get("body_encoding")](body)
    except RecursionError:
        return "it is nested too deeply"
    except (ValueError, LookupError, TypeError, AttributeError, Base64Error) as error:
        return f"it is no message: {error!r}"
    if not all(isinstance(text, str) for text in texts) or not isinstance(headers, dict | None):
        return "it is no message: a field has the wrong type"
    return None


def _plain(body: Any) -> None:
    if not isinstance(body, str):
        raise TypeError("body is no text")


def _base64(body: Any) -> None:
    base64.b64decode(body)


_DECODERS: dict[Any, Callable[[Any], None]] = {None: _plain, "base64": _base64}


def wrapped(name: bytes, item: bytes, fault: str) -> bytes:
    """An envelope around what was none; a long one is cut, for nobody can send it again."""
    queue = name.partition(_PRIORITY)[0].decode("utf-8", "replace")
    envelope = {
        "body": base64.b64encode(item[: 2 * KEPT_BYTES]).decode(),
        "content-type": "application/octet-stream",
        "content-encoding": "binary",
        "headers": {MALFORMED: f"{fault} ({len(item)} bytes)"},
        "properties": {
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
        },
    }
    return json.dumps(envelope).encode()
