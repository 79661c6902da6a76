"""Days, times and spans as people count and read them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from server.foundation.dates import day_of, instant, render_date, render_duration, render_span, render_time

FIRST = date(2031, 3, 1)


def test_wall_clock_is_shanghais() -> None:
    assert instant(FIRST, 540) == datetime(2031, 3, 1, 1, 0, tzinfo=UTC)
    assert instant(FIRST, 1440) == instant(FIRST + timedelta(days=1), 0)
    assert day_of(datetime(2031, 2, 28, 16, 0, tzinfo=UTC)) == FIRST


def test_times_are_those_of_peoples_clocks() -> None:
    assert render_time(datetime(2026, 12, 31, 16, 0, tzinfo=UTC)) == "2027年1月1日 00:00"
    assert render_date(datetime(2026, 12, 31, 16, 0, tzinfo=UTC)) == "2027年1月1日"
    with pytest.raises(ValueError, match="zone"):
        render_time(datetime(2026, 12, 31))


def test_spans_say_the_day_once() -> None:
    begin = datetime(2026, 12, 31, 1, 0, tzinfo=UTC)
    assert render_span(begin, begin + timedelta(hours=2)) == "2026年12月31日（周四）9:00–11:00"
    assert render_span(begin, begin + timedelta(hours=15)) == "2026年12月31日（周四）9:00–1月1日 0:00"


def test_durations_leave_out_what_is_none() -> None:
    assert [render_duration(minutes) for minutes in (0, 59, 60, 61, 6000)] == [
        "0 分钟",
        "59 分钟",
        "1 小时",
        "1 小时 1 分钟",
        "100 小时",
    ]
