"""When something is due that is promised in working time, against a plain model that counts minute by minute."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from server.calendars.holidays import Loaded, is_working_day
from server.calendars.models import DayKind
from server.calendars.working_time import Limit, Pace, due_after, moved_by_pause
from server.foundation import clock

LOADED: Loaded = {2026: {}, 2031: {date(2031, 5, 1): DayKind.HOLIDAY, date(2031, 5, 4): DayKind.WORKDAY}}
"""Of 2026 nothing was announced; in May 2031 Thursday the 1st is off and Sunday the 4th is worked."""
MINUTE = timedelta(minutes=1)


def at(day: int, hour: int, minute: int = 0, *, month: int = 10, year: int = 2025) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=clock.SHANGHAI)


def is_office_minute(moment: datetime, loaded: Loaded) -> bool:
    wall = clock.shanghai(moment)
    minute = wall.hour * 60 + wall.minute
    return is_working_day(wall.date(), loaded) and (510 <= minute < 720 or 810 <= minute < 1050)


def counts(moment: datetime, begun: date, pace: Pace, loaded: Loaded) -> bool:
    """Whether the minute that begins at `moment` takes one from what is left. Of days it is the last minute of each:
    before offices close, or before midnight."""
    wall = clock.shanghai(moment)
    if pace is Pace.RUNNING:
        return True
    if pace is Pace.WORKING_HOURS:
        return is_office_minute(moment, loaded)
    if wall.date() <= begun:
        return False
    if pace is Pace.WORKING_DAYS:
        return (wall.hour, wall.minute) == (17, 29) and is_working_day(wall.date(), loaded)
    return (wall.hour, wall.minute) == (23, 59)


def counted(begin: datetime, limit: Limit, loaded: Loaded) -> datetime:
    moment, left, begun = begin, limit.amount, clock.shanghai(begin).date()
    while left:
        left -= counts(moment, begun, limit.pace, loaded)
        moment += MINUTE
    return moment


starts = st.builds(
    lambda first, minutes: first + minutes * MINUTE,
    # National Day 2025 with its make-up Sunday and Saturday, New Year, and a year that staff loaded.
    st.sampled_from([at(26, 0, month=9), at(1, 0), at(29, 0, month=12), at(29, 0, month=4, year=2031)]),
    st.integers(0, 12 * 24 * 60),
)
limits = st.one_of(
    st.builds(Limit, st.integers(1, 3000), st.sampled_from([Pace.RUNNING, Pace.WORKING_HOURS])),
    st.builds(Limit, st.integers(1, 9), st.sampled_from([Pace.WORKING_DAYS, Pace.CALENDAR_DAYS])),
)


@settings(max_examples=150)
@given(starts, limits, st.sampled_from([{}, LOADED]))
def test_what_is_due_is_what_the_minutes_say(begin: datetime, limit: Limit, loaded: Loaded) -> None:
    assert due_after(begin, limit, loaded) == counted(begin, limit, loaded)


@settings(max_examples=150)
@given(starts, limits, st.sampled_from([{}, LOADED]), st.floats(0, 0.999), st.integers(1, 20_000))
def test_what_is_left_begins_again_after_a_pause(
    begin: datetime, limit: Limit, loaded: Loaded, part: float, pause: int
) -> None:
    """Minutes of the pause count for nobody; of days, one that has begun when the clock is stopped is over."""
    due_at = due_after(begin, limit, loaded)
    paused_at = begin + int((due_at - begin) / MINUTE * part) * MINUTE
    resumed_at = paused_at + pause * MINUTE
    moment, left, begun = begin, limit.amount, clock.shanghai(begin).date()
    last_day = clock.shanghai(due_at - MINUTE).date()
    while left:
        if moment == paused_at:
            moment = resumed_at
            # Days are whole: those after the day of the stop are what is left; on the last, the rest of it.
            if limit.pace in (Pace.WORKING_DAYS, Pace.CALENDAR_DAYS):
                day = clock.shanghai(paused_at).date()
                over = [day + timedelta(days=n) for n in range(1, (last_day - day).days + 1)]
                left = sum(limit.pace is Pace.CALENDAR_DAYS or is_working_day(each, loaded) for each in over)
                begun = clock.shanghai(resumed_at).date()
                if not left:
                    left, begun = 1, begun - timedelta(days=1)
        left -= counts(moment, begun, limit.pace, loaded)
        moment += MINUTE
    assert moved_by_pause(due_at, paused_at, resumed_at, limit.pace, loaded) == moment


def test_by_the_clock_on_the_wall() -> None:
    """What people would say: over lunch, a night, National Day and the Saturday that is worked for it."""
    fifteen = Limit(15, Pace.WORKING_HOURS)
    assert due_after(at(26, 11, 55, month=9), fifteen, {}) == at(26, 13, 40, month=9)
    assert due_after(at(26, 17, 20, month=9), fifteen, {}) == at(28, 8, 35, month=9), "the make-up Sunday"
    assert due_after(at(30, 17, 20, month=9), fifteen, {}) == at(9, 8, 35), "the holidays are over"
    assert due_after(at(30, 22, month=9), Limit(120, Pace.RUNNING), {}) == at(1, 0), "a manhole cover waits for nobody"
    assert due_after(at(30, 10, month=9), Limit(2, Pace.WORKING_DAYS), {}) == at(10, 17, 30)
    assert due_after(at(30, 10, month=9), Limit(7, Pace.CALENDAR_DAYS), {}) == at(8, 0)
    seconds = datetime(2025, 9, 26, 2, 0, 7, tzinfo=UTC)
    assert due_after(seconds, fifteen, {}) == seconds + 15 * MINUTE
