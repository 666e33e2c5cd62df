"""The events of one run, each told once, though some come to light late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from selfheal.store.events import Event

LATE = timedelta(seconds=10)
"""An event has its id and its time when it is written, but is seen when its transaction commits:
perhaps after one with a greater id. PostgreSQL ends a transaction of ours that idles for 5 s."""


class Tail:
    """Reads on from `after`: the id of the last event that somebody has seen, or 0."""

    def __init__(self, after: int) -> None:
        self.after = after
        """Events with greater ids are to be read again."""
        self._told: set[int] = set()

    def news(self, events: Sequence[Event]) -> list[Event]:
        """Those of `events`, all that there are beyond `after`, that were not told yet."""
        new = [event for event in events if event.id not in self._told]
        self._told.update(event.id for event in new)
        if events:
            newest = max(event.at for event in events)
            settled = [event.id for event in events if event.at < newest - LATE]
            self.after = max([self.after, *settled])
            self._told = {known for known in self._told if known > self.after}
        return new
