"""When schedules are due: always later, in their zone, also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from celery.schedules import crontab as celery_crontab
from hypothesis import given, settings
from hypothesis import strategies as st

from selfheal.errors import InvalidInput
from selfheal.timing import Crontab, Interval, Timing, read_interval

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of summer time
    "America/Sao_Paulo",  # used to change at midnight
    "Pacific/Apia",  # has left out a day
    "Asia/Kathmandu",
)

MOMENTS = st.datetimes(
    datetime(2005, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)
)  # with changes of clocks behind and before us


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    spans = st.tuples(number, number).map(lambda two: f"{min(two)}-{max(two)}")
    stepped = st.tuples(st.one_of(st.just("*"), spans), st.integers(1, 9))
    terms = st.one_of(number.map(str), spans, stepped.map(lambda two: f"{two[0]}/{two[1]}"))
    return st.one_of(st.just("*"), st.lists(terms, min_size=1, max_size=3).map(",".join))


@st.composite
def crontabs(draw: st.DrawFn, *, zones: tuple[str, ...] = ZONES) -> Crontab:
    fields = (_field(0, 59), _field(0, 23), _field(1, 28), _field(1, 12), _field(0, 6))
    return Crontab(" ".join(draw(field) for field in fields), draw(st.sampled_from(zones)))


TIMINGS = st.one_of(crontabs(), st.integers(1, 90_000).map(Interval))


def runs(timing: Timing, begin: datetime, count: int) -> list[datetime]:
    """The runs that a beat makes that is never late."""
    found = [timing.following(begin, now=begin)]
    while len(found) < count:
        found.append(timing.following(found[-1], now=found[-1]))
    return found


@settings(max_examples=60, deadline=None)
@given(TIMINGS, MOMENTS, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_the_following_run_is_later_than_the_last_one_and_than_now(
    timing: Timing, begin: datetime, away: timedelta
) -> None:
    first = timing.following(begin, now=begin)
    now = first + away

    assert first > begin
    assert timing.following(first, now=now) > now


@settings(max_examples=40, deadline=None)
@given(TIMINGS, MOMENTS)
def test_runs_after_a_pause_are_those_that_would_have_come_anyway(
    timing: Timing, begin: datetime
) -> None:
    due = runs(timing, begin, 6)

    for index in range(1, 5):
        between = due[index] + (due[index + 1] - due[index]) / 2
        assert timing.following(due[0], now=between) == due[index + 1]


@settings(max_examples=60, deadline=None)
@given(crontabs(), MOMENTS)
def test_the_clock_on_the_wall_shows_what_the_crontab_says(
    crontab: Crontab, begin: datetime
) -> None:
    zone = ZoneInfo(crontab.timezone)
    told = celery_crontab.from_string(crontab.text)  # reads the same fields

    for run in runs(crontab, begin, 4):
        wall = run.astimezone(zone)
        moved = wall.utcoffset() != (run - timedelta(days=1, hours=2)).astimezone(zone).utcoffset()
        shown = (
            wall.minute in told.minute
            and wall.hour in told.hour
            and wall.day in told.day_of_month
            and wall.month in told.month_of_year
            and wall.isoweekday() % 7 in told.day_of_week
        )
        assert shown or moved


@settings(max_examples=60, deadline=None)
@given(crontabs(zones=("UTC",)), MOMENTS)
def test_where_clocks_never_change_the_runs_are_celerys(crontab: Crontab, begin: datetime) -> None:
    begin = begin.replace(microsecond=0)
    told = celery_crontab.from_string(crontab.text)
    told.tz, told.nowfun = UTC, lambda: begin

    assert crontab.following(begin, now=begin) == begin + told.remaining_estimate(begin)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_time_that_does_not_exist_that_day_is_run_as_much_later_as_clocks_jump() -> None:
    nightly = Crontab("30 2 * * *", "Europe/Berlin")  # 2027-03-28: 02:00 becomes 03:00

    assert runs(nightly, utc("2027-03-27T00:00"), 3) == [
        utc("2027-03-27T01:30"),
        utc("2027-03-28T01:30"),  # 03:30 on the wall
        utc("2027-03-29T00:30"),
    ]


def test_a_time_that_comes_twice_is_run_the_first_time() -> None:
    nightly = Crontab("30 2 * * *", "Europe/Berlin")  # 2027-10-31: 03:00 becomes 02:00

    assert runs(nightly, utc("2027-10-30T12:00"), 2) == [
        utc("2027-10-31T00:30"),
        utc("2027-11-01T01:30"),
    ]


@pytest.mark.parametrize("day", ["2027-03-28T00:00", "2027-10-31T00:00"])
def test_every_quarter_of_an_hour_is_just_that_when_clocks_change(day: str) -> None:
    quarters = runs(Crontab("*/15 * * * *", "Europe/Berlin"), utc(day), 20)

    assert {after - before for before, after in pairwise(quarters)} == {timedelta(minutes=15)}


def test_a_day_that_a_zone_left_out_is_made_up_for_once() -> None:
    daily = Crontab("0 8 * * *", "Pacific/Apia")  # there was no 30 December 2011

    days = [run.astimezone(ZoneInfo("Pacific/Apia")) for run in runs(daily, utc("2011-12-29"), 4)]

    assert [(day.day, day.hour) for day in days] == [(29, 8), (31, 8), (1, 8), (2, 8)]


def test_the_rarest_day_is_found() -> None:
    rare = Crontab("0 0 29 2 sun")

    assert rare.following(utc("2088-03-01"), now=utc("2088-03-01")) == utc("2128-02-29")


def test_an_interval_keeps_its_grid_however_late_a_run_is() -> None:
    begin = utc("2027-01-01")

    assert Interval(30).following(begin, now=begin + timedelta(seconds=95)) == begin + timedelta(
        seconds=120
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("61 * * * *", "minute is '61'; expected numbers from 0 to 59"),
        ("* 24 * * *", "hour is '24'"),
        ("* * 0 * *", "day of month is '0'; expected numbers from 1 to 31"),
        ("* * * 13 *", "month is '13'; expected numbers from 1 to 12 or jan-dec"),
        ("* * * * 7", "day of week is '7'; expected numbers from 0 to 6 or sun-sat"),
        ("mon * * * *", "minute is 'mon'"),
        ("*/0 * * * *", "minute is '*/0'"),
        ("5/15 * * * *", "minute is '5/15'"),
        ("10-20-30 * * * *", "minute is '10-20-30'"),
        (", * * * *", "minute is ','"),
        ("* * * *", "expected 5 fields (minute, hour, day of month, month, day of week), found 4"),
        ("0 0 30 feb *", "never due"),
    ],
)
def test_a_crontab_that_cannot_be_read_names_the_field_and_what_would_be_right(
    text: str, said: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        Crontab(text)

    assert said in str(caught.value)


def test_a_zone_that_does_not_exist_names_those_like_it() -> None:
    with pytest.raises(InvalidInput, match=r"did you mean .*Europe/Berlin"):
        Crontab("* * * * *", "Europe/Berlni")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("6h", 21_600), ("1d", 86_400)]
)
def test_an_interval_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert read_interval(text) == Interval(seconds)


@pytest.mark.parametrize("text", ["0s", "15", "m", "1.5h", "-5m", "9999999d", "five minutes"])
def test_an_interval_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="interval: expected"):
        read_interval(text)


def test_names_and_wrapped_ranges_mean_their_numbers() -> None:
    begin = utc("2027-01-04")

    for text, same in (("fri-mon", "5,6,0,1"), ("mon-fri", "1-5"), ("SUN", "0")):
        named, numbered = Crontab(f"0 0 * * {text}"), Crontab(f"0 0 * * {same}")
        assert runs(named, begin, 8) == runs(numbered, begin, 8)
