"""Messages that a worker has taken from a Redis broker and never acknowledged.

RabbitMQ sees a consumer's connection end and gives its messages to others at once. On Redis kombu
keeps them in a hash until the visibility timeout is over, which has to be longer than any task.
That is no harm where a row in the outbox stands behind a message, for the sweeper sends it again.
Behind what a client sends, and behind a letter, there is nothing but the message: these are given
back here, after seconds. If their worker lives after all, both copies run, to the same effect.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from kombu import Connection

from selfheal.contracts.names import ALONE


def give_back(connection: Connection, *, older_than: float) -> int:
    """Queue again what stands alone and was due more than `older_than` seconds ago; says how much.

    Ages are by the clocks of the hosts, so a clock that is wrong makes this sooner or later.
    """
    if connection.transport.driver_type != "redis":
        return 0
    channel: Any = connection.default_channel
    overdue = tuple(_overdue(channel, before=time.time() - older_than))
    for tag in overdue:
        # One transaction that watches the hash: of two that give back the same, one does.
        channel.qos.restore_by_tag(tag)
    return len(overdue)


def _overdue(channel: Any, *, before: float) -> Iterator[str]:
    tags = channel.client.zrangebyscore(channel.unacked_index_key, 0, before)
    if not tags:
        return
    for tag, entry in zip(tags, channel.client.hmget(channel.unacked_key, tags), strict=True):
        if entry and _is_overdue(entry, before=before):
            yield tag.decode()


def _is_overdue(entry: bytes, *, before: float) -> bool:
    """A worker holds what is to be done later until its time has come: that is no sign of death."""
    headers = json.loads(entry)[0].get("headers") or {}
    if headers.get("task") not in ALONE:
        return False
    due = headers.get("eta")
    return due is None or datetime.fromisoformat(due).timestamp() < before
