"""Series of shifts 系列场次: which days a weekly or monthly rule means, by people's clocks."""

from datetime import UTC, date, datetime, time
from itertools import islice
from typing import Annotated, Any

import msgspec
from dateutil.rrule import MONTHLY, WEEKLY, rrule, weekday

from server.foundation import clock
from server.foundation.words import Worded

MOST = 60
"""Shifts that one rule may make: a year of weeks, with room."""


class Every(Worded):
    WEEK = "week", "每周"
    MONTH = "month", "每月"


class Repeat(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The first time again every `interval` weeks or months, `count` times in all or until a day.

    Weekly: on these `weekdays` (1 is Monday), or on the first one's. Monthly: on the same date, or the month's last day
    where it has none; with `by_weekday` on the same weekday of the month: the second Saturday; a fifth is the last.
    """

    every: Every
    interval: Annotated[int, msgspec.Meta(ge=1, le=12)] = 1
    weekdays: Annotated[list[Annotated[int, msgspec.Meta(ge=1, le=7)]], msgspec.Meta(max_length=7)] = []
    by_weekday: bool = False
    count: Annotated[int, msgspec.Meta(ge=2, le=MOST)] | None = None
    until: date | None = None


def problem_of(first: datetime, repeat: Repeat) -> str:
    """What is wrong with a rule, in Chinese; empty when nothing is."""
    if (repeat.count is None) == (repeat.until is None):
        return "请填写重复次数或截止日期（二选一）"
    if repeat.weekdays and repeat.every is Every.MONTH:
        return "按月重复时不能选择星期几"
    if repeat.by_weekday and repeat.every is Every.WEEK:
        return "按周重复时请直接选择星期几"
    if repeat.weekdays and clock.shanghai(first).isoweekday() not in repeat.weekdays:
        return "所选的星期应包含首场的那一天"
    if not 2 <= len(occurrences(first, repeat)) <= MOST:
        return f"一个系列应有 2 至 {MOST} 场"
    return ""


def occurrences(first: datetime, repeat: Repeat) -> list[datetime]:
    """When the shifts of the series begin, the first included; one more than MOST at the most.

    The hour is the one on people's clocks, whatever UTC does.
    """
    local = clock.shanghai(first).replace(tzinfo=None)
    options: dict[str, Any] = {"dtstart": local, "interval": repeat.interval, "count": repeat.count}
    if repeat.until is not None:
        options["until"] = datetime.combine(repeat.until, time.max)
    if repeat.every is Every.WEEK:
        days = repeat.weekdays or [local.isoweekday()]
        rule = rrule(WEEKLY, byweekday=[day - 1 for day in days], **options)
    elif repeat.by_weekday:
        nth = (local.day - 1) // 7 + 1
        rule = rrule(MONTHLY, byweekday=weekday(local.weekday(), -1 if nth == 5 else nth), **options)
    else:
        # The last of these days that the month has.
        days = list(range(28, local.day + 1)) or [local.day]
        rule = rrule(MONTHLY, bymonthday=days, bysetpos=-1, **options)
    # The rule counts in whole seconds.
    begins = (moment.replace(microsecond=first.microsecond, tzinfo=clock.SHANGHAI).astimezone(UTC) for moment in rule)
    return list(islice(begins, MOST + 1))
