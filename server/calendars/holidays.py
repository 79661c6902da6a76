"""Public holidays 法定节假日 and make-up working days 调休上班, as the State Council's office announces them.

Known years come from the library `chinesecalendar`. A year that it does not have yet, or that was changed afterwards,
is loaded by staff and then stands in for the library's.
"""

from datetime import date
from typing import Annotated

import msgspec
from chinese_calendar import Holiday
from chinese_calendar.constants import holidays, workdays

from server.calendars.models import DayKind
from server.foundation import clock
from server.foundation.bounds import RequiredText
from server.foundation.database import fetch, fetch_value
from server.foundation.ids import new_id

Loaded = dict[int, dict[date, DayKind]]
"""Year → the special days of its announcement, of the years that staff loaded."""


class SpecialDay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A day that is not what its weekday says."""

    day: date
    kind: DayKind
    name: Annotated[RequiredText, msgspec.Meta(max_length=20)]


def _of_library() -> Loaded:
    years: Loaded = {}
    for kind, days in ((DayKind.HOLIDAY, holidays), (DayKind.WORKDAY, workdays)):
        for day in days:
            years.setdefault(day.year, {})[day] = kind
    return years


DAYS_OF_YEAR = _of_library()
"""Year → its special days, of every year that the library knows."""


def special_days(year: int) -> list[SpecialDay]:
    """What the library knows of a year, in order, with names; empty for a year that it lacks."""
    return [
        SpecialDay(day, kind, Holiday((holidays if kind is DayKind.HOLIDAY else workdays)[day]).chinese)
        for day, kind in sorted(DAYS_OF_YEAR.get(year, {}).items())
    ]


def kind_of_day(day: date, loaded: Loaded) -> DayKind | None:
    """Whether the day is a public holiday or a make-up working day; None where it is neither, or nobody knows. The New
    Year's holiday may begin in December, which the announcement of the year after tells, the later one."""
    for year in (day.year + 1, day.year, day.year - 1):
        if kind := loaded.get(year, {}).get(day):
            return kind
    return None if day.year in loaded else DAYS_OF_YEAR.get(day.year, {}).get(day)


def is_working_day(day: date, loaded: Loaded) -> bool:
    """Whether offices are open: from Monday to Friday, but for holidays, and on make-up working days."""
    kind = kind_of_day(day, loaded)
    return kind is DayKind.WORKDAY or (day.weekday() < 5 and kind is not DayKind.HOLIDAY)


def by_day(years: str) -> Loaded:
    """JSON of year → its list of special days, as it is stored."""
    return {
        year: {special.day: special.kind for special in days}
        for year, days in msgspec.json.decode(years, type=dict[int, list[SpecialDay]]).items()
    }


async def read_loaded_years(first_day: date, last_day: date) -> Loaded:
    """The special days of the years that staff loaded, as `kind_of_day` takes them."""
    return by_day(
        await fetch_value(
            "SELECT COALESCE(json_object_agg(year, days), '{}') FROM holiday_year WHERE year BETWEEN $1 AND $2",
            first_day.year - 1,
            last_day.year + 1,
        )
    )


async def read_loaded_year(year: int) -> list[SpecialDay] | None:
    """The announcement of a year as it was loaded; None where it was not."""
    days = await fetch_value("SELECT days FROM holiday_year WHERE year = $1", year)
    return None if days is None else msgspec.json.decode(days, type=list[SpecialDay])


async def store_year(actor_id: str | None, year: int, days: list[SpecialDay]) -> str:
    """These are the special days of the year from now on; the id of its row. In the caller's transaction, who has asked
    what hangs on them."""
    row = await fetch(
        "INSERT INTO holiday_year (id, created_at, year, days, loaded_by_id, version) "
        "VALUES ($1, $2, $3, $4, $5, 1) "
        "ON CONFLICT (year) DO UPDATE SET days = EXCLUDED.days, loaded_by_id = EXCLUDED.loaded_by_id, "
        "version = holiday_year.version + 1 RETURNING id",
        new_id(),
        clock.now(),
        year,
        msgspec.json.encode(sorted(days, key=lambda special: special.day)).decode(),
        actor_id,
    )
    return str(row[0]["id"])
