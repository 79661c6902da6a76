"""Working time 工作时间: by when something is due that is promised in hours or days that count only while offices work.

Pure computation; which days are special comes from `holidays.py`.
"""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from server.calendars.holidays import Loaded, is_working_day
from server.foundation.dates import day_of, end_of, instant
from server.foundation.words import Worded

OFFICE_HOURS = ((510, 720), (810, 1050))
"""Minutes after midnight between which offices work: 8:30–12:00 and 13:30–17:30."""
_CLOSES = OFFICE_HOURS[-1][1]
_A_DAY = timedelta(days=1)


class Pace(Worded):
    """Which time counts. `running`: all of it, nights and holidays too. `working_hours`: minutes of office hours.
    `working_days`: from the day after on, until offices close on the last. `calendar_days`: the same until midnight,
    whatever days they are."""

    RUNNING = "running", "连续计时（分钟）"
    WORKING_HOURS = "working_hours", "工作时间（分钟）"
    WORKING_DAYS = "working_days", "工作日"
    CALENDAR_DAYS = "calendar_days", "自然日"


class Limit(NamedTuple):
    """How much time there is: minutes, or days where the pace counts days."""

    amount: int
    pace: Pace


def due_after(moment: datetime, limit: Limit, loaded: Loaded) -> datetime:
    """When the time is over that begins at `moment`."""
    match limit.pace:
        case Pace.RUNNING:
            return moment + timedelta(minutes=limit.amount)
        case Pace.WORKING_HOURS:
            return _after_working(moment, timedelta(minutes=limit.amount), loaded)
        case Pace.WORKING_DAYS:
            return instant(_working_day_after(moment, limit.amount, loaded), _CLOSES)
        case Pace.CALENDAR_DAYS:
            return end_of(day_of(moment) + limit.amount * _A_DAY)


def moved_by_pause(due_at: datetime, paused_at: datetime, resumed_at: datetime, pace: Pace, loaded: Loaded) -> datetime:
    """When something is due of which the clock stood still in between: what was left of its time begins again. It was
    not due yet when the clock was stopped."""
    match pace:
        case Pace.RUNNING:
            return due_at + (resumed_at - paused_at)
        case Pace.WORKING_HOURS:
            return _after_working(resumed_at, worked_between(paused_at, due_at, loaded), loaded)
        case Pace.WORKING_DAYS:
            left = _working_days_between(day_of(paused_at), day_of(due_at), loaded)
            return instant(_working_day_after(resumed_at, left, loaded), _CLOSES)
        case Pace.CALENDAR_DAYS:
            # The last day's end is the next day's beginning.
            left = (day_of(due_at) - day_of(paused_at)).days - 1
            return end_of(day_of(resumed_at) + left * _A_DAY)


def worked_between(begin: datetime, end: datetime, loaded: Loaded) -> timedelta:
    """How much of the time between two moments lies in office hours."""
    worked, day = timedelta(), day_of(begin)
    while day <= day_of(end):
        for opens, closes in _spans(day, loaded):
            worked += max(min(closes, end) - max(opens, begin), timedelta())
        day += _A_DAY
    return worked


def _after_working(moment: datetime, left: timedelta, loaded: Loaded) -> datetime:
    day = day_of(moment)
    while True:
        for opens, closes in _spans(day, loaded):
            begin = max(opens, moment)
            if begin + left <= closes:
                return begin + left
            left -= max(closes - begin, timedelta())
        day += _A_DAY


def _working_day_after(moment: datetime, days: int, loaded: Loaded) -> date:
    """The day, so many working days after that of `moment`; with none, the first on which offices have not closed."""
    day = day_of(moment)
    if not days and (not is_working_day(day, loaded) or moment >= instant(day, _CLOSES)):
        days = 1
    while days:
        day += _A_DAY
        days -= is_working_day(day, loaded)
    return day


def _working_days_between(begin: date, end: date, loaded: Loaded) -> int:
    """How many working days come after `begin` until `end`, which counts."""
    return sum(is_working_day(begin + number * _A_DAY, loaded) for number in range(1, (end - begin).days + 1))


def _spans(day: date, loaded: Loaded) -> list[tuple[datetime, datetime]]:
    if not is_working_day(day, loaded):
        return []
    return [(instant(day, opens), instant(day, closes)) for opens, closes in OFFICE_HOURS]
