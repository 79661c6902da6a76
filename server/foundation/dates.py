"""Days as people's clocks count them, and how people read days, times and spans of time."""

from datetime import UTC, date, datetime, time, timedelta

from server.foundation import clock


def day_of(moment: datetime) -> date:
    """The day on people's clocks."""
    return clock.shanghai(moment).date()


def today() -> date:
    """The day that it is on people's clocks."""
    return day_of(clock.now())


def instant(day: date, minutes: int = 0) -> datetime:
    """`minutes` after midnight on people's clocks that day, as an exact instant; 1440 is the next midnight."""
    # Adding to an aware datetime moves the wall-clock, which is what is meant here.
    return (datetime.combine(day, time(), clock.SHANGHAI) + timedelta(minutes=minutes)).astimezone(UTC)


def end_of(day: date) -> datetime:
    """The instant at which this day is over on people's clocks."""
    return instant(day + timedelta(days=1))


def age_on(birth_date: date, day: date) -> int:
    """Full years on that day."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def render_date(day: date) -> str:
    """`2026年10月1日`; a datetime's day is the one on people's clocks."""
    return f"{_local(day).year}年{render_short_date(day)}"


def render_short_date(day: date) -> str:
    """`10月1日`."""
    local = _local(day)
    return f"{local.month}月{local.day}日"


def render_month(day: date) -> str:
    """`2026年10月`."""
    local = _local(day)
    return f"{local.year}年{local.month}月"


def render_time(moment: datetime) -> str:
    """`2026年10月1日 15:01`, the form that WeChat's message fields take too. Raises ValueError without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    return f"{render_date(moment)} {clock.shanghai(moment):%H:%M}"


def render_short_time(moment: datetime) -> str:
    """`10月1日 15:01`."""
    return f"{render_short_date(moment)} {clock.shanghai(moment):%H:%M}"


def render_span(starts_at: datetime, ends_at: datetime) -> str:
    """`2026年10月1日（周四）9:00–11:00`; what ends on another day says on which."""
    begin, end = clock.shanghai(starts_at), clock.shanghai(ends_at)
    last = "" if begin.date() == end.date() else f"{render_short_date(end)} "
    return f"{render_date(begin)}（周{'一二三四五六日'[begin.weekday()]}）{begin:%-H:%M}–{last}{end:%-H:%M}"


def wall_clock(minutes: int) -> str:
    """Minutes after midnight as people write them: 540 → 09:00."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def minutes_of(wall_clock: str) -> int:
    """The way back: 09:00 → 540 minutes after midnight."""
    return int(wall_clock[:2]) * 60 + int(wall_clock[3:])


def render_duration(minutes: int) -> str:
    """125 → `2 小时 5 分钟`."""
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} 小时"] if hours else []
    return " ".join([*parts, *([f"{rest} 分钟"] if rest or not hours else [])])


def _local(day: date) -> date:
    return clock.shanghai(day) if isinstance(day, datetime) else day
