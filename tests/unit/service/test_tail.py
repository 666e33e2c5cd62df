"""Events are told once, in whichever order their transactions commit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from selfheal.service.tail import LATE, Tail
from selfheal.store.events import Event

START = datetime(2026, 1, 1, tzinfo=UTC)


def event(number: int, *, seconds: float = 0.0) -> Event:
    return Event(
        id=number,
        request_id=UUID(int=1),
        at=START + timedelta(seconds=seconds),
        who="worker",
        kind="note",
        old_state=None,
        new_state=None,
        task_id=None,
        token=None,
        why="something",
    )


def test_an_event_is_told_once() -> None:
    tail = Tail(0)

    assert tail.news([event(1), event(2)]) == [event(1), event(2)]
    assert tail.news([event(1), event(2), event(3)]) == [event(3)]
    assert tail.news([]) == []


def test_an_event_that_commits_late_is_told_when_it_comes_to_light() -> None:
    tail = Tail(0)
    tail.news([event(1), event(3)])

    assert tail.news([event(1), event(2), event(3)]) == [event(2)]


def test_what_is_long_past_is_read_no_more_and_what_is_recent_is() -> None:
    tail = Tail(0)
    late = LATE.total_seconds() + 1

    tail.news([event(1), event(2, seconds=late), event(3, seconds=late)])

    assert tail.after == 1
    assert tail.news([event(2, seconds=late), event(3, seconds=late)]) == []


def test_it_begins_after_what_somebody_has_seen() -> None:
    assert Tail(7).after == 7
