"""How many minutes attendance is worth, who approves them, and the lines of a certificate."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from server.foundation.dates import day_of, end_of, render_month
from server.volunteering.hours.models import Approver
from server.volunteering.models import ActivityKind

RATE_WITHIN = timedelta(days=30)
APPEAL_WITHIN = timedelta(days=30)

MINUTES_AT_ONCE = 8 * 60
"""Minutes of one day that count without anybody's approval; up to MINUTES_BY_COMMUNITY the community's manager
approves, beyond them the subdistrict's."""
MINUTES_BY_COMMUNITY = 12 * 60

SERVICE_RULES = {
    ActivityKind.VOLUNTEER: "shift_attended",
    ActivityKind.PARTY_DAY: "party_day_attended",
    ActivityKind.LECTURE: "lecture_attended",
    ActivityKind.COMMUNITY_EVENT: "event_attended",
}
"""By which rule of the service record attendance counts."""


class Credit(NamedTuple):
    """Minutes that count, and from when to when."""

    starts_at: datetime
    ends_at: datetime
    minutes: int


def credit(
    shift_starts_at: datetime,
    shift_ends_at: datetime,
    came_at: datetime | None,
    left_at: datetime | None,
    stated_minutes: int | None = None,
) -> Credit | None:
    """What attendance is worth: whole minutes between coming and leaving that lie in the shift.

    Minutes that the leader states replace the measured ones, never beyond the shift's length. None when there is no
    leaving to measure by and nothing is stated.
    """
    begin = min(max(came_at or shift_starts_at, shift_starts_at), shift_ends_at)
    if stated_minutes is not None:
        minutes = min(stated_minutes, int((shift_ends_at - shift_starts_at).total_seconds()) // 60)
        # Somebody who clocked in late but who was there before: their time ends with the shift.
        begin = min(begin, shift_ends_at - timedelta(minutes=minutes))
    elif came_at is None or left_at is None:
        return None
    else:
        minutes = max(0, int((min(left_at, shift_ends_at) - begin).total_seconds()) // 60)
    return Credit(begin, begin + timedelta(minutes=minutes), minutes)


def seconds_by_day(starts_at: datetime, ends_at: datetime) -> dict[date, float]:
    """How much of a time span lies in each day of Shanghai's calendar."""
    days: dict[date, float] = {}
    while starts_at < ends_at:
        day = day_of(starts_at)
        until = min(ends_at, end_of(day))
        days[day] = (until - starts_at).total_seconds()
        starts_at = until
    return days


def approver_of(span: tuple[datetime, datetime], others: Iterable[tuple[datetime, datetime]]) -> Approver | None:
    """Who has to approve this span of service, given the same person's others: its fullest day counts."""
    totals = seconds_by_day(*span)
    for other in others:
        for day, seconds in seconds_by_day(*other).items():
            if day in totals:
                totals[day] += seconds
    most = max(totals.values(), default=0.0)
    if most <= MINUTES_AT_ONCE * 60:
        return None
    return Approver.COMMUNITY if most <= MINUTES_BY_COMMUNITY * 60 else Approver.SUBDISTRICT


class Period(NamedTuple):
    """A line of a certificate: a month or a year, how often, how many minutes."""

    label: str
    times: int
    minutes: int


def split_into_periods(served: Iterable[tuple[date, int]], most: int = 12) -> list[Period]:
    """Days with minutes, added up by month; by year where that makes more than `most` lines."""
    days = sorted(served)
    labels: tuple[Callable[[date], str], ...] = (render_month, lambda day: f"{day.year}年")
    for label in labels:
        sums: dict[str, tuple[int, int]] = {}
        for day, minutes in days:
            times, so_far = sums.get(label(day), (0, 0))
            sums[label(day)] = (times + 1, so_far + minutes)
        if len(sums) <= most:
            break
    return [Period(name, *sums[name]) for name in sums]
