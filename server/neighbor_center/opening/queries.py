"""Reading when services are open: as their page shows it, and as the calendars from which slots are computed."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec

from server.calendars.holidays import by_day
from server.foundation.database import fetch
from server.foundation.dates import today, wall_clock
from server.foundation.ids import Id
from server.neighbor_center.opening.models import ExceptionKind, RuleDays
from server.neighbor_center.opening.rules import Calendar, DayException, WeeklyHours, weekday_list

LAST_DAY = date(9999, 12, 31)


CALENDAR_COLUMNS = (
    "s.minutes, s.buffer_minutes + s.travel_minutes AS buffer_minutes, "
    "s.state = 'offered' AND v.state = 'open' AS is_open, "
    "COALESCE((SELECT json_agg(json_build_object('weekdays', r.weekdays, 'opens', r.opens, 'closes', r.closes, "
    " 'valid_from', r.valid_from, 'valid_until', r.valid_until, 'days', r.days, 'season_from', r.season_from, "
    " 'season_until', r.season_until)) FROM opening_rule r WHERE r.service_id = s.id), '[]') AS rules, "
    "COALESCE((SELECT json_agg(json_build_object('day', e.day, 'kind', e.kind, 'opens', e.opens, 'closes', e.closes)) "
    " FROM opening_exception e WHERE e.venue_id = s.venue_id AND (e.service_id IS NULL OR e.service_id = s.id) "
    " AND e.ended_at IS NULL AND e.day BETWEEN $2 AND $3), '[]') AS exceptions, "
    "COALESCE((SELECT json_object_agg(h.year, h.days) FROM holiday_year h WHERE h.year BETWEEN "
    " EXTRACT(year FROM $2::date) - 1 AND EXTRACT(year FROM $3::date) + 1), '{}') AS holidays"
)
"""A service `s` of a venue `v` as a Calendar of the days from $2 to $3; for calendar_of."""


def calendar_of(row: Any) -> Calendar:
    """A row of CALENDAR_COLUMNS."""
    return Calendar(
        minutes=row["minutes"],
        buffer_minutes=row["buffer_minutes"],
        rules=msgspec.json.decode(row["rules"], type=list[WeeklyHours]),
        exceptions=msgspec.json.decode(row["exceptions"], type=list[DayException]),
        is_open=row["is_open"],
        loaded=by_day(row["holidays"]),
    )


async def read_calendars(service_ids: Iterable[str]) -> dict[str, Calendar]:
    """The calendars of several services, all days."""
    rows = await fetch(
        f"SELECT s.id, {CALENDAR_COLUMNS} FROM service s JOIN venue v ON v.id = s.venue_id "
        "WHERE s.id = ANY($1::uuid[])",
        list(service_ids),
        date.min,
        LAST_DAY,
    )
    return {row["id"]: calendar_of(row) for row in rows}


class OpeningHoursView(msgspec.Struct):
    """Weekly hours: ISO weekdays (1 Monday to 7 Sunday), wall-clock times, first and last day. `days` tells how they go
    with public holidays; hours of a season hold each year from `season_from` to `season_until` (month-day)."""

    id: Id
    weekdays: list[int]
    opens: str
    closes: str
    days: RuleDays
    season_from: str | None
    season_until: str | None
    valid_from: date
    valid_until: date | None


class ExceptionView(msgspec.Struct):
    """A day that differs: closed or extra hours, of one service or (without one) of the whole venue."""

    id: Id
    day: date
    kind: ExceptionKind
    opens: str
    closes: str
    service_id: Id | None
    service_name: str | None
    reason: str


HOURS_COLUMN = (
    "ARRAY(SELECT (r.id, r.weekdays, r.opens, r.closes, r.days, r.season_from, r.season_until, r.valid_from, "
    "r.valid_until) FROM opening_rule r WHERE r.service_id = s.id "
    "AND (r.valid_until IS NULL OR r.valid_until >= GREATEST($2, r.valid_from)) "
    "ORDER BY r.valid_from, r.opens, r.id) AS hours"
)
"""SQL: the weekly hours of a service `s` that are not over on the day $2, each for `hours_of`."""


def hours_of(rule: Any) -> OpeningHoursView:
    """One of HOURS_COLUMN."""
    id_, weekdays, opens, closes, days, season_from, season_until, valid_from, valid_until = rule
    return OpeningHoursView(
        id_,
        weekday_list(weekdays),
        wall_clock(opens),
        wall_clock(closes),
        RuleDays(days),
        _month_day(season_from),
        _month_day(season_until),
        valid_from,
        valid_until,
    )


async def list_opening_exceptions(venue_id: str) -> list[ExceptionView]:
    """What differs at the venue from today on, in order; at most 200."""
    rows = await fetch(
        "SELECT e.id, e.day, e.kind, e.opens, e.closes, e.service_id, s.name AS service_name, e.reason "
        "FROM opening_exception e LEFT JOIN service s ON s.id = e.service_id "
        "WHERE e.venue_id = $1 AND e.day >= $2 AND e.ended_at IS NULL ORDER BY e.day, e.opens, e.id LIMIT 200",
        venue_id,
        today(),
    )
    return [
        ExceptionView(**(dict(row) | {"opens": wall_clock(row["opens"]), "closes": wall_clock(row["closes"])}))
        for row in rows
    ]


def _month_day(number: int | None) -> str | None:
    """601 → 06-01."""
    return None if number is None else f"{number // 100:02}-{number % 100:02}"
