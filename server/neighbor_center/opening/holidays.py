"""Public holidays 法定节假日 and make-up working days 调休上班, as the State Council's office announces them.

Known years come from the library `chinesecalendar`. A year that it does not have yet, or that was changed afterwards,
is loaded by staff (changes/holiday_years.py) and then stands in for the library's.
"""

from datetime import date
from typing import Annotated

import msgspec
from chinese_calendar import Holiday
from chinese_calendar.constants import holidays, workdays

from server.foundation.bounds import RequiredText
from server.neighbor_center.opening.models import DayKind


class SpecialDay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A day that is not what its weekday says."""

    day: date
    kind: DayKind
    name: Annotated[RequiredText, msgspec.Meta(max_length=20)]


def _of_library() -> dict[int, dict[date, DayKind]]:
    years: dict[int, dict[date, DayKind]] = {}
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
