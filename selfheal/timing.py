"""When a schedule is due: by a crontab in a time zone, or every so many seconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from functools import cached_property
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from selfheal.errors import InvalidInput

LONGEST_INTERVAL: Final = 366 * 86_400

_DAY = timedelta(days=1)
# 29 February falls on a given weekday at least once in 40 years, also across a year like 2100.
_HORIZON_DAYS = 40 * 366 + 1
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

_TERM = re.compile(
    r"(?:(?P<all>\*)|(?P<low>[0-9a-z]+)(?:-(?P<high>[0-9a-z]+))?)(?:/(?P<step>\d+))?"
)
_INTERVAL = re.compile(r"(?P<count>\d{1,9})(?P<unit>[smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Interval:
    """Every so many seconds, counted from the first run: a late run does not move later ones."""

    seconds: int

    def __post_init__(self) -> None:
        if not 1 <= self.seconds <= LONGEST_INTERVAL:
            raise InvalidInput(
                f"interval: expected 1 second to 366 days, found {self.seconds} seconds"
            )

    def following(self, run: datetime, *, now: datetime) -> datetime:
        """The first run that is later than both `run` and `now`."""
        step = timedelta(seconds=self.seconds)
        passed = max((now - run) // step, 0)
        return run + (passed + 1) * step

    @property
    def shortest_gap(self) -> int:
        """Seconds between two runs, at the least."""
        return self.seconds

    def __str__(self) -> str:
        return f"every {self.seconds} s"


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five fields; names stand for the numbers from `low` on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    example: str = ""

    def read(self, text: str) -> frozenset[int]:
        """The numbers that `text` stands for; raises InvalidInput."""
        return frozenset(number for term in text.split(",") for number in self._term(term, text))

    def _term(self, term: str, text: str) -> range | list[int]:
        found = _TERM.fullmatch(term.lower())
        if found is None or (found["step"] and found["low"] and not found["high"]):
            raise self._wrong(text)
        step = int(found["step"] or 1)
        if found["all"]:
            low, high = self.low, self.high
        else:
            low = self._number(found["low"], text)
            high = self._number(found["high"], text) if found["high"] else low
        if step < 1:
            raise self._wrong(text)
        if low > high:  # fri-mon
            return [*range(low, self.high + 1), *range(self.low, high + 1)][::step]
        return range(low, high + 1, step)

    def _number(self, text: str, whole: str) -> int:
        if text in self.names:
            return self.low + self.names.index(text)
        if not text.isdecimal() or not self.low <= int(text) <= self.high:
            raise self._wrong(whole)
        return int(text)

    def _wrong(self, text: str) -> InvalidInput:
        named = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return InvalidInput(
            f"crontab: {self.name} is {text!r}; expected numbers from {self.low} to "
            f"{self.high}{named}, as *, */2, {self.example}"
        )


_FIELDS = (
    _Field("minute", 0, 59, example="0,30 or 10-20/2"),
    _Field("hour", 0, 23, example="6,18 or 8-17"),
    _Field("day of month", 1, 31, example="1,15 or 1-7"),
    _Field("month", 1, 12, _MONTHS, "1,7 or mar-may"),
    _Field("day of week", 0, 6, _WEEKDAYS, "mon-fri (0 is Sunday)"),
)


@dataclass(frozen=True)
class Crontab:
    """Five fields, as crontab(5) has them, in a time zone; every field must match, as in Celery.

    Where clocks go forward, a time that does not exist that day is run as much later as they jump;
    where they go back, a time that comes twice is run the first time. With `*` in the hour field
    runs follow the hours as they pass: none is made up, and both of two equal ones count.

    Raises InvalidInput naming the field, or the time zone, that cannot be read.
    """

    text: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        _ = self._numbers, self._zone
        _, _, days, months, _ = self._numbers
        if not any(day <= _MONTH_DAYS[month - 1] for month in months for day in days):
            raise InvalidInput(
                f"crontab: {self.text!r} is never due: no month named has such a day"
            )

    def following(self, run: datetime, *, now: datetime) -> datetime:
        """The first run that is later than both `run` and `now`."""
        moment = max(run, now)
        day = moment.astimezone(self._zone).date() - _DAY
        for _ in range(_HORIZON_DAYS):
            # Two days at once: a time that is moved forward may end up in the next one.
            near = (*self._runs_of(day), *self._runs_of(day + _DAY))
            if later := [run for run in near if run > moment]:
                return min(later)
            day += _DAY
        raise InvalidInput(f"crontab: {self.text!r} is not due within 40 years")

    @property
    def shortest_gap(self) -> int:
        """Seconds between two runs, at the least, on days without a change of clocks."""
        minutes = self._minutes
        return 60 * min(after - before for before, after in pairwise((*minutes, minutes[0] + 1440)))

    def __str__(self) -> str:
        return f"{self.text} {self.timezone}"

    @cached_property
    def _numbers(self) -> tuple[frozenset[int], ...]:
        parts = self.text.split()
        if len(parts) != len(_FIELDS):
            names = ", ".join(field.name for field in _FIELDS)
            raise InvalidInput(
                f"crontab: expected 5 fields ({names}), found {len(parts)} in {self.text!r}"
            )
        return tuple(field.read(part) for field, part in zip(_FIELDS, parts, strict=True))

    @cached_property
    def _zone(self) -> tzinfo:
        return read_zone(self.timezone)

    @cached_property
    def _minutes(self) -> tuple[int, ...]:
        """Minutes of the day, ascending."""
        minutes, hours, *_ = self._numbers
        return tuple(sorted(60 * hour + minute for hour in hours for minute in minutes))

    @property
    def _follows_hours(self) -> bool:
        return self.text.split()[1].startswith("*")

    def _runs_of(self, day: date) -> tuple[datetime, ...]:
        """The moments at which a day's times are run, in UTC."""
        _, _, days, months, weekdays = self._numbers
        matches = day.day in days and day.month in months
        if not (matches and day.isoweekday() % 7 in weekdays):
            return ()
        midnight = datetime.combine(day, time(), self._zone)
        if midnight.utcoffset() == (midnight + _DAY).replace(fold=1).utcoffset():
            begin = midnight.astimezone(UTC)
            return tuple(begin + timedelta(minutes=minute) for minute in self._minutes)
        # Arithmetic within one zone is that of a clock on the wall.
        walls = (midnight + timedelta(minutes=minute) for minute in self._minutes)
        return tuple({moment for wall in walls for moment in self._moments(wall)})

    def _moments(self, wall: datetime) -> Iterator[datetime]:
        """When the clock on the wall shows this; PEP 495: a gap is where `fold` goes back."""
        first, second = (wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        if first <= second or not self._follows_hours:
            yield first
        if first < second and self._follows_hours:
            yield second


Timing = Crontab | Interval


def read_interval(text: str) -> Interval:
    """`30s`, `15m`, `2h` or `1d`; raises InvalidInput."""
    found = _INTERVAL.fullmatch(text.strip())
    if found is None:
        raise InvalidInput(f"interval: expected a number and s, m, h or d, as 15m; found {text!r}")
    return Interval(int(found["count"]) * _UNITS[found["unit"]])


def read_zone(name: str) -> tzinfo:
    """The time zone of this IANA name; raises InvalidInput, with names that are like it."""
    if name == "UTC":  # known everywhere, even without a time zone database
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        like = get_close_matches(name, available_timezones(), n=3)
        hint = f"did you mean {', '.join(like)}?" if like else "give a name as Europe/Berlin"
        raise InvalidInput(f"time zone: none is called {name!r}; {hint}") from error
