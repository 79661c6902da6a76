"""Months as people count them, each named by its first day."""

from datetime import date, datetime, timedelta

from server.foundation.dates import instant, today

FREEZE_DAY = 10
"""A month is frozen when this day of the next begins: what is recorded later counts in the month that records it."""


def this_month() -> date:
    return month_of(today())


def month_of(day: date) -> date:
    return date(day.year, day.month, 1)


def months_on(month: date, number: int) -> date:
    """So many months later; earlier, where the number is negative."""
    years, index = divmod(month.year * 12 + month.month - 1 + number, 12)
    return date(years, index + 1, 1)


def begins_at(month: date) -> datetime:
    return instant(month)


def ends_at(month: date) -> datetime:
    return instant(months_on(month, 1))


def freezes_at(month: date) -> datetime:
    return instant(months_on(month, 1) + timedelta(days=FREEZE_DAY - 1))


FREEZES_AT = (
    "(date_trunc('month', {} AT TIME ZONE 'Asia/Shanghai') + "
    f"interval '1 month {FREEZE_DAY - 1} days') AT TIME ZONE 'Asia/Shanghai'"
)
"""SQL: when the month is frozen in which a time lies."""
