"""Loading the public holidays of a year that the library lacks, or has otherwise.

A holiday may take hours away from bookings all over the city, so loading a year is a change of calendars like any
other: nothing happens until every affected booking has been answered for.
"""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from server.calendars.holidays import DAYS_OF_YEAR, SpecialDay, read_loaded_year, special_days, store_year
from server.calendars.models import DayKind
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch
from server.foundation.errors import InvalidFields, NotAllowed
from server.neighbor_center.changes.affected import NO_ANSWERS, Answers
from server.neighbor_center.changes.calendars import CalendarChange, change_calendars
from server.organizations.access import holds_role
from server.organizations.models import RoleKind


class YearView(msgspec.Struct, kw_only=True):
    """The special days of a year. `source` is `loaded`, `library`, or `unknown`: then no day is special yet."""

    year: int
    source: str
    days: list[SpecialDay]


async def get_holiday_year(year: int) -> YearView:
    """What is known of a year's holidays, with what the announcements of its neighbours say of it."""
    loaded = {each: await read_loaded_year(each) for each in (year - 1, year, year + 1)}
    own = loaded[year]
    days = {special.day: special for special in (special_days(year) if own is None else own)}
    days |= {special.day: special for each in (year - 1, year + 1) for special in loaded[each] or ()}
    return YearView(
        year=year,
        source="loaded" if own is not None else "library" if year in DAYS_OF_YEAR else "unknown",
        days=[special for day, special in sorted(days.items()) if day.year == year],
    )


async def load_holiday_year(
    actor_id: str | None, year: int, days: list[SpecialDay], answers: Answers = NO_ANSWERS
) -> CalendarChange:
    """These are the special days of the year from now on, in the whole city. Loading the same again changes nothing. As
    in the announcements, days of the December before and of the January after may be among them.

    For managers of the city (the actor None: the command line). Raises NotAllowed, InvalidFields, and what stands
    against a move.
    """
    if actor_id is not None:
        await _require_city_manager(actor_id)
    is_of_year = [date(year - 1, 12, 1) <= day.day <= date(year + 1, 1, 31) for day in days]
    if not any(day.day.year == year for day in days) or not all(is_of_year):
        raise InvalidFields.of("days", "须为该年份的日期，可以包含上一年 12 月和下一年 1 月的日子")
    if len({day.day for day in days}) < len(days):
        raise InvalidFields.of("days", "日期重复")

    async def write() -> str:
        return await store_year(actor_id, year, days)

    async def audit(changed_id: str, **details: Any) -> None:
        await record_audit(
            "load_holiday_year", actor_id=actor_id, subject=("holiday_year", changed_id), year=year, **details
        )

    before = [*(await get_holiday_year(year)).days, *(await read_loaded_year(year) or ())]
    on_days = sorted({special.day for special in [*before, *days]})
    rows = await fetch(
        "SELECT DISTINCT s.venue_id FROM opening_rule r JOIN service s ON s.id = r.service_id "
        "WHERE r.days <> 'every_week' AND (r.valid_until IS NULL OR r.valid_until >= $1)",
        on_days[0],
    )
    return await change_calendars(
        actor_id,
        [row["venue_id"] for row in rows],
        write,
        answers,
        audit=audit,
        on_days=on_days,
    )


def read_holiday_file(path: Path) -> tuple[int, list[SpecialDay]]:
    """A year's file: `{"year": 2027, "days": [{"name": "元旦", "date": "2027-01-01", "isOffDay": true}, …]}`, the form
    in which the announcements are commonly published as data. Raises ValueError saying what is wrong."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return int(content["year"]), [
            SpecialDay(
                date.fromisoformat(day["date"]),
                DayKind.HOLIDAY if day["isOffDay"] is True else DayKind.WORKDAY,
                str(day["name"])[:20],
            )
            for day in content["days"]
        ]
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from None
    except KeyError as error:
        raise ValueError(f"{path} lacks {error}.") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is no year of holidays: {error}.") from None


async def load_holiday_file(path: Path, *, cancel_affected: str) -> int:
    """The command line's way: prints what was done, or what stands in the way; the exit code. `cancel_affected` is the
    reason told to those whose bookings fall on a holiday; without one they are only listed."""
    try:
        year, days = read_holiday_file(path)
        change = await load_holiday_year(None, year, days)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except InvalidFields as refused:
        sys.stderr.write(f"{path}: {refused.errors[0].field}: {refused.errors[0].problem}\n")
        return 1
    if not change.applied and cancel_affected:
        ids = frozenset(booking.booking_id for booking in change.affected)
        change = await load_holiday_year(None, year, days, Answers(cancel=ids, reason=cancel_affected))
    lines = [
        f"{booking.kind} {booking.booking_id} {booking.service_name} {clock.shanghai(booking.starts_at):%Y-%m-%d %H:%M}"
        for booking in change.affected
    ]
    if change.applied:
        lines.append(f"{year}: {len(days)} days loaded, {len(change.affected)} bookings cancelled")
    else:
        lines.append(f"{year}: nothing loaded, since these {len(change.affected)} bookings fall on holidays")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if change.applied else 1


async def _require_city_manager(actor_id: str) -> None:
    roots = await fetch("SELECT id FROM organization WHERE parent_id IS NULL AND closed_at IS NULL")
    for root in roots:
        if await holds_role(actor_id, root["id"], (RoleKind.MANAGER,)):
            return
    raise NotAllowed("节假日数据由市级管理员维护")
