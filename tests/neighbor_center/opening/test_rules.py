"""Slots computed from random rules and exceptions, against plain sets of minutes."""

from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.foundation.clock import SHANGHAI
from server.foundation.dates import day_of, instant
from server.neighbor_center.opening.models import ExceptionKind
from server.neighbor_center.opening.rules import (
    Calendar,
    DayException,
    Span,
    WeeklyHours,
    find_slot,
    free_spans,
    is_on_grid,
    is_open_throughout,
    open_hours,
    slots_of_day,
    weekday_list,
    weekday_set,
)

FIRST = date(2031, 3, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(14)]
minutes_of_day = st.integers(0, 96).map(lambda quarter: quarter * 15) | st.integers(0, 1440)
hours = st.tuples(minutes_of_day, minutes_of_day).filter(lambda pair: pair[0] < pair[1])
some_day = st.sampled_from(DAYS)
rules = st.builds(
    lambda weekdays, span, first, last: WeeklyHours(
        weekdays=weekdays, opens=span[0], closes=span[1], valid_from=first, valid_until=last
    ),
    st.integers(1, 127),
    hours,
    some_day,
    some_day | st.none(),
)
exceptions = st.builds(
    lambda day, kind, span: DayException(day=day, kind=kind, opens=span[0], closes=span[1]),
    some_day,
    st.sampled_from(ExceptionKind),
    hours | st.just((0, 1440)),
)
calendars = st.builds(
    lambda minutes, buffer, rules, exceptions: Calendar(
        minutes=minutes, buffer_minutes=buffer, rules=rules, exceptions=exceptions
    ),
    st.integers(5, 180),
    st.integers(0, 60),
    st.lists(rules, max_size=5),
    st.lists(exceptions, max_size=5),
)


def open_minutes(calendar: Calendar, day: date) -> set[int]:
    """The plain model: every single minute that is open."""
    minutes: set[int] = set()
    for rule in calendar.rules:
        holds = rule.valid_from <= day and (rule.valid_until is None or day <= rule.valid_until)
        if holds and day.isoweekday() in weekday_list(rule.weekdays):
            minutes |= set(range(rule.opens, rule.closes))
    for kind in (ExceptionKind.EXTRA, ExceptionKind.CLOSED):
        for exception in calendar.exceptions:
            if exception.day == day and exception.kind is kind:
                span = set(range(exception.opens, exception.closes))
                minutes = minutes | span if kind is ExceptionKind.EXTRA else minutes - span
    return minutes


def minute(moment: datetime, day: date) -> int:
    return round((moment - datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)) / timedelta(minutes=1))


@given(calendars)
def test_slots_lie_in_open_hours_never_overlap_and_exist_once(calendar: Calendar) -> None:
    seen: set[datetime] = set()
    before: Span | None = None
    for day in DAYS:
        allowed = open_minutes(calendar, day)
        slots = slots_of_day(calendar, day)
        for number, slot in enumerate(slots):
            assert set(range(minute(slot.starts_at, day), minute(slot.ends_at, day))) <= allowed
            assert slot.ends_at - slot.starts_at == timedelta(minutes=calendar.minutes)
            if number:
                gap = slot.starts_at - slots[number - 1].ends_at
                assert gap >= timedelta(minutes=calendar.buffer_minutes)
            if before:
                assert not slot.overlaps(before)
            assert slot.starts_at not in seen
            assert find_slot(calendar, slot.starts_at) == slot
            assert day_of(slot.starts_at) == day
            seen.add(slot.starts_at)
            before = slot


@given(calendars, some_day)
def test_no_slot_that_would_fit_is_left_out(calendar: Calendar, day: date) -> None:
    assert {number for span in open_hours(calendar, day) for number in range(*span)} == open_minutes(calendar, day)
    slots = [(minute(slot.starts_at, day), minute(slot.ends_at, day)) for slot in slots_of_day(calendar, day)]
    for opens, closes in open_hours(calendar, day):
        earlier = [end + calendar.buffer_minutes for begin, end in slots if begin < closes]
        free_from = max([opens, *earlier])
        assert free_from + calendar.minutes > closes


@given(calendars, some_day, hours)
def test_a_range_is_open_when_every_minute_is(calendar: Calendar, day: date, span: tuple[int, int]) -> None:
    wanted = Span(instant(day, span[0]), instant(day, span[1]))
    assert is_open_throughout(calendar, wanted) == (set(range(*span)) <= open_minutes(calendar, day))


@given(st.lists(hours, max_size=3), st.lists(hours, max_size=4))
def test_what_is_free_is_open_and_not_busy(open_times: list[tuple[int, int]], busy: list[tuple[int, int]]) -> None:
    def spans(pairs: list[tuple[int, int]]) -> list[Span]:
        return [Span(instant(FIRST, begin), instant(FIRST, end)) for begin, end in pairs]

    def numbers(given_spans: list[Span]) -> set[int]:
        return {n for span in given_spans for n in range(minute(span.starts_at, FIRST), minute(span.ends_at, FIRST))}

    left = free_spans(spans(open_times), spans(busy))
    assert numbers(left) == numbers(spans(open_times)) - numbers(spans(busy))
    assert all(span.starts_at < span.ends_at for span in left)


def test_closed_wins_over_extra_hours() -> None:
    calendar = Calendar(
        minutes=60,
        buffer_minutes=0,
        rules=[],
        exceptions=[
            DayException(day=FIRST, kind=ExceptionKind.CLOSED),
            DayException(day=FIRST, kind=ExceptionKind.EXTRA, opens=540, closes=720),
        ],
    )
    assert slots_of_day(calendar, FIRST) == []


def test_nothing_is_open_where_the_service_has_ended() -> None:
    rule = WeeklyHours(weekdays=127, opens=540, closes=720, valid_from=FIRST)
    calendar = Calendar(minutes=60, buffer_minutes=0, rules=[rule], exceptions=[], is_open=False)
    assert slots_of_day(calendar, FIRST) == []


def test_weekdays_and_grid() -> None:
    assert weekday_list(weekday_set([7, 1, 3])) == [1, 3, 7]
    assert is_on_grid(instant(FIRST, 45))
    assert not is_on_grid(instant(FIRST, 50))
