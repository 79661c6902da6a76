"""Codes and passes, when and where one can sign in, how many minutes attendance is worth, and who approves them."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

from server.foundation.crypto import keyring
from server.foundation.dates import day_of, end_of, render_month
from server.foundation.ids import is_id
from server.volunteering.attendance.models import Direction
from server.volunteering.hours.models import Approver
from server.volunteering.models import ActivityKind

CODE_SECONDS = 30
"""A shift's code changes this often; the one before is still taken, for phones that are late."""
SCAN_BEFORE = timedelta(hours=2)
SCAN_AFTER = timedelta(hours=2)

CLOCK_TOLERANCE = timedelta(minutes=2)
"""How far a scanner's clock may be ahead of ours."""
CONFIRM_WITHIN = timedelta(days=7)
"""How long after the end the leader's word alone is enough, offline scans are taken, and absences can wait for it."""
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

_PREFIX = "LS1"
_PURPOSE = "shift_code"
_TICKET_PREFIX = "LP1"
_TICKET_PURPOSE = "shift_pass"
_EARTH_METERS = 6_371_000


class ReadCode(NamedTuple):
    """What a genuine code says."""

    shift_id: str
    direction: Direction
    window: int


def window_at(moment: datetime) -> int:
    """The number of the 30 seconds that `moment` lies in."""
    return int(moment.timestamp()) // CODE_SECONDS


def window_end(window: int) -> float:
    """When the code of this window is replaced, in seconds since 1970."""
    return (window + 1) * CODE_SECONDS


def write_code(shift_id: str, direction: Direction, window: int) -> str:
    """The text of a shift's code in one window; only this deployment can make it."""
    message = f"{shift_id}.{direction}.{window}"
    return f"{_PREFIX}.{message}.{keyring().sign(message, _PURPOSE)}"


def read_code(text: str) -> ReadCode | None:
    """What the code says, whenever it was made; None when it is none of ours."""
    parts = text.split(".")
    if len(parts) != 5 or parts[0] != _PREFIX or not is_id(parts[1]) or not parts[3].isdecimal():
        return None
    _, shift_id, direction, window, signature = parts
    if direction not in (Direction.IN, Direction.OUT):
        return None
    if not keyring().verify(f"{shift_id}.{direction}.{window}", signature, _PURPOSE):
        return None
    return ReadCode(shift_id, Direction(direction), int(window))


def is_current(window: int, now: datetime) -> bool:
    """Whether a code of this window is taken at `now`: the running window and the one before."""
    return window_at(now) - 1 <= window <= window_at(now)


def write_pass(sign_up_id: str) -> str:
    """The text of the pass that a signed-up person shows to a scanner; it is good for that sign-up's shift alone."""
    return f"{_TICKET_PREFIX}.{sign_up_id}.{keyring().sign(sign_up_id, _TICKET_PURPOSE)}"


def read_pass(text: str) -> str | None:
    """The sign-up that a pass is for; None when it is none of ours."""
    prefix, _, rest = text.partition(".")
    sign_up_id, _, signature = rest.partition(".")
    if (
        prefix != _TICKET_PREFIX
        or not is_id(sign_up_id)
        or not keyring().verify(sign_up_id, signature, _TICKET_PURPOSE)
    ):
        return None
    return sign_up_id


def is_open_for_scans(moment: datetime, shift_starts_at: datetime, shift_ends_at: datetime) -> bool:
    """From 2 h before the start to 2 h after the end, both included."""
    return shift_starts_at - SCAN_BEFORE <= moment <= shift_ends_at + SCAN_AFTER


def is_plausible(scanned_at: datetime, now: datetime, signed_up_at: datetime, shift_ends_at: datetime) -> bool:
    """Whether a scanner's own time for a scan can be believed: not in the future, not before the person had signed up,
    and not told long after the shift. (That it lies in the shift's hours is another rule: is_open_for_scans.)"""
    return (
        signed_up_at - CLOCK_TOLERANCE <= scanned_at <= now + CLOCK_TOLERANCE and now <= shift_ends_at + CONFIRM_WITHIN
    )


def meters_between(one: tuple[float, float], other: tuple[float, float]) -> int:
    """Along the surface between two points of (longitude, latitude) degrees in the same system. gcj02 shifts
    neighbouring points alike, so that distances of some hundred metres come out right in it."""
    (east, north), (east2, north2) = one, other
    half = (
        sin(radians(north2 - north) / 2) ** 2
        + cos(radians(north)) * cos(radians(north2)) * sin(radians(east2 - east) / 2) ** 2
    )
    return round(2 * _EARTH_METERS * asin(sqrt(min(1.0, half))))


def assumed_sign_out(sign_in_at: datetime, shift_ends_at: datetime) -> datetime:
    """When somebody who forgot to sign out is taken to have left: at the end; at once, if they came after it."""
    return max(sign_in_at, shift_ends_at)


class Credit(NamedTuple):
    """Minutes that count, and from when to when."""

    starts_at: datetime
    ends_at: datetime
    minutes: int


def credit(
    shift_starts_at: datetime,
    shift_ends_at: datetime,
    sign_in_at: datetime | None,
    sign_out_at: datetime | None,
    stated_minutes: int | None = None,
) -> Credit | None:
    """What attendance is worth: whole minutes between sign-in and sign-out that lie in the shift.

    Minutes that the leader states replace the measured ones, never beyond the shift's length. None when there is no
    sign-out to measure by and nothing is stated.
    """
    begin = min(max(sign_in_at or shift_starts_at, shift_starts_at), shift_ends_at)
    if stated_minutes is not None:
        minutes = min(stated_minutes, int((shift_ends_at - shift_starts_at).total_seconds()) // 60)
        # Somebody whose sign-in came late but who was there before: their time ends with the shift.
        begin = min(begin, shift_ends_at - timedelta(minutes=minutes))
    elif sign_in_at is None or sign_out_at is None:
        return None
    else:
        minutes = max(0, int((min(sign_out_at, shift_ends_at) - begin).total_seconds()) // 60)
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
