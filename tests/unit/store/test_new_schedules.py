"""What makes a schedule, and what is the same whoever computes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.errors import InvalidInput
from selfheal.store import firings
from selfheal.store.schedules import NewSchedule, jitter_of
from selfheal.timing import Crontab, Interval

SCHEDULE = UUID(int=1)
RUNS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


@given(RUNS)
def test_a_run_has_one_id_in_every_zone_and_process(run: datetime) -> None:
    elsewhere = run.astimezone(timezone(timedelta(hours=5, minutes=45)))

    assert firings.id_of(SCHEDULE, run) == firings.id_of(SCHEDULE, elsewhere)


@given(RUNS, RUNS)
def test_two_runs_have_two_ids(one: datetime, other: datetime) -> None:
    same = firings.id_of(SCHEDULE, one) == firings.id_of(SCHEDULE, other)

    assert same == (one == other)
    assert firings.id_of(SCHEDULE, one) != firings.id_of(UUID(int=2), one)


def test_an_id_never_changes_between_versions() -> None:
    run = datetime(2027, 1, 1, 3, 30, tzinfo=UTC)

    assert str(firings.id_of(SCHEDULE, run)) == "0aa6fbf3-1ad8-5114-bc9f-b361e0318e0c"


@given(RUNS, st.integers(0, 3600))
def test_jitter_is_the_same_each_time_and_within_its_bound(run: datetime, most: int) -> None:
    late = jitter_of(SCHEDULE, run, most=most)

    assert timedelta(0) <= late <= timedelta(seconds=most)
    assert late == jitter_of(SCHEDULE, run, most=most)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "-x"}, "name: expected"),
        ({"name": ""}, "name: expected"),
        ({"job": "scan"}, "job scan: expected the registered repository"),
        ({"repository_id": uuid4()}, "job prune: is the farm's own"),
        ({"jitter_seconds": 60}, "jitter: expected 0 to 59 s"),
        ({"jitter_seconds": -1}, "jitter: expected 0 to 59 s"),
        ({"timing": Crontab("0 3 * * *"), "jitter_seconds": 3601}, "jitter: expected 0 to 3600 s"),
        ({"window_seconds": 0}, "window: expected 1 to 86400 s"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_with_what_would_be_right(
    wrong: dict[str, object], said: str
) -> None:
    wanted = {"name": "x", "job": "prune", "timing": Interval(60), **wrong}

    with pytest.raises(InvalidInput) as caught:
        NewSchedule(**wanted)

    assert said in str(caught.value)
