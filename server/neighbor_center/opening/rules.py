"""From opening rules to slots: pure computation, Shanghai wall-clock in, exact instants out."""

from datetime import date, datetime, timedelta

import msgspec

from server.calendars.holidays import Loaded, kind_of_day
from server.calendars.models import DayKind
from server.foundation.dates import day_of, instant
from server.foundation.errors import InvalidFields
from server.neighbor_center.opening.models import ExceptionKind, RuleDays

GRID_MINUTES = 15
"""Room bookings start and end on this grid."""
ARRIVES_BEFORE = timedelta(minutes=30)
"""How long before a booking begins somebody can be noted as there."""


class WeeklyHours(msgspec.Struct, frozen=True, kw_only=True):
    """Hours of certain weekdays; see models.OpeningRule for the units."""

    weekdays: int
    opens: int
    closes: int
    valid_from: date
    valid_until: date | None = None
    days: RuleDays = RuleDays.EVERY_WEEK
    season_from: int | None = None
    season_until: int | None = None


class DayException(msgspec.Struct, frozen=True, kw_only=True):
    """Closed or extra hours of one day; see models.OpeningException."""

    day: date
    kind: ExceptionKind
    opens: int = 0
    closes: int = 1440


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides when a service has slots. Nothing is open where `is_open` is False (ended, venue closed).

    `buffer_minutes` lie between two slots (the way to the next home included). `loaded` are the holidays of years that
    staff loaded; for all others the library's are known.
    """

    minutes: int
    buffer_minutes: int
    rules: list[WeeklyHours]
    exceptions: list[DayException]
    is_open: bool = True
    loaded: Loaded = {}


class Span(msgspec.Struct, frozen=True, order=True):
    """A range of time, half-open: back to back is no overlap."""

    starts_at: datetime
    ends_at: datetime

    def overlaps(self, other: "Span") -> bool:
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


def weekday_set(days: list[int]) -> int:
    """ISO weekdays (1 Monday to 7 Sunday) → the bits that rules are stored with."""
    bits = 0
    for day in days:
        bits |= 1 << (day - 1)
    return bits


def weekday_list(bits: int) -> list[int]:
    """The bits → ISO weekdays in order."""
    return [day for day in range(1, 8) if bits >> (day - 1) & 1]


def holds_on(rule: WeeklyHours, day: date, kind: DayKind | None) -> bool:
    """Whether weekly hours hold on a day, which is a holiday or a make-up working day if `kind` says so."""
    if day < rule.valid_from or (rule.valid_until is not None and day > rule.valid_until):
        return False
    if not is_in_season(day, rule.season_from, rule.season_until):
        return False
    is_weekday = bool(rule.weekdays & 1 << day.weekday())
    if rule.days is RuleDays.EVERY_WEEK:
        return is_weekday
    if rule.days is RuleDays.HOLIDAYS:
        return is_weekday and kind is DayKind.HOLIDAY
    if rule.days is RuleDays.WORKDAYS and kind is DayKind.WORKDAY:
        return True
    return is_weekday and kind is not DayKind.HOLIDAY


def is_in_season(day: date, first: int | None, last: int | None) -> bool:
    """Whether the day lies in the season, both ends included; a season may pass over the end of the year."""
    if first is None or last is None:
        return True
    number = day.month * 100 + day.day
    return first <= number <= last if first <= last else number >= first or number <= last


def open_hours(calendar: Calendar, day: date) -> list[tuple[int, int]]:
    """Minutes after midnight between which the service is open that day: rules and extra hours, less what is closed.

    Hours that overlap become one; hours that only touch stay two, each with slots from its own beginning.
    """
    if not calendar.is_open:
        return []
    kind = kind_of_day(day, calendar.loaded)
    hours = [(rule.opens, rule.closes) for rule in calendar.rules if holds_on(rule, day, kind)]
    exceptions = [exception for exception in calendar.exceptions if exception.day == day]
    hours += [(extra.opens, extra.closes) for extra in exceptions if extra.kind is ExceptionKind.EXTRA]
    hours = _join(hours)
    for closed in exceptions:
        if closed.kind is ExceptionKind.CLOSED:
            hours = _take_out(hours, closed.opens, closed.closes)
    return hours


def open_spans(calendar: Calendar, day: date) -> list[Span]:
    """The same as exact instants."""
    return [Span(instant(day, opens), instant(day, closes)) for opens, closes in open_hours(calendar, day)]


def slots_of_day(calendar: Calendar, day: date) -> list[Span]:
    """The day's slots in order. Each lies wholly within open hours; between two there is at least the buffer."""
    slots = []
    free_from = 0
    for opens, closes in open_hours(calendar, day):
        begin = max(opens, free_from)
        while begin + calendar.minutes <= closes:
            end = begin + calendar.minutes
            slots.append(Span(instant(day, begin), instant(day, end)))
            begin = free_from = end + calendar.buffer_minutes
    return slots


def find_slot(calendar: Calendar, starts_at: datetime) -> Span | None:
    """The slot that begins at this instant, if there is one."""
    return next((slot for slot in slots_of_day(calendar, day_of(starts_at)) if slot.starts_at == starts_at), None)


def is_open_throughout(calendar: Calendar, span: Span) -> bool:
    """Whether the whole range lies in open hours of one day; those that touch count as one here."""
    hours = [(span.starts_at, span.ends_at) for span in open_spans(calendar, day_of(span.starts_at))]
    end = span.starts_at
    for opens, closes in hours:
        if opens <= end < closes:
            end = closes
    return span.ends_at <= end


def free_spans(open_times: list[Span], busy: list[Span]) -> list[Span]:
    """What is left of open times once the busy ones are taken out."""
    left = []
    for span in open_times:
        begin = span.starts_at
        for taken in sorted(busy):
            if taken.ends_at <= begin or span.ends_at <= taken.starts_at:
                continue
            if begin < taken.starts_at:
                left.append(Span(begin, taken.starts_at))
            begin = taken.ends_at
        if begin < span.ends_at:
            left.append(Span(begin, span.ends_at))
    return left


def is_on_grid(moment: datetime) -> bool:
    return moment.timestamp() % (GRID_MINUTES * 60) == 0


def _join(hours: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for opens, closes in sorted(hours):
        if joined and opens < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], closes))
        else:
            joined.append((opens, closes))
    return joined


def _take_out(hours: list[tuple[int, int]], begin: int, end: int) -> list[tuple[int, int]]:
    left = []
    for opens, closes in hours:
        if opens < min(closes, begin):
            left.append((opens, min(closes, begin)))
        if max(opens, end) < closes:
            left.append((max(opens, end), closes))
    return left


def check_year(field: str, day: date) -> None:
    """Raises InvalidFields for a day (or a moment) out of all reason: arithmetic with it could overflow."""
    if not 2000 <= day.year <= 2200:
        raise InvalidFields.of(field, "日期不正确")
