"""Staff on duty: who sits at a venue 坐班, is on call 值班, works at off hours 错时 or longer 延时, and when."""

from datetime import date, timedelta
from typing import Any

import msgspec

from server.foundation.audit import record_audit
from server.foundation.database import fetch, fetch_one, transaction
from server.foundation.dates import render_short_date, today, wall_clock
from server.foundation.errors import InvalidFields, NotFound
from server.foundation.ids import Id
from server.neighbor_center import messages
from server.neighbor_center.bookings.terms import check_year, read_loaded_years
from server.neighbor_center.changes.hours import Hours
from server.neighbor_center.changes.venues import get_service_row
from server.neighbor_center.opening.models import Duty, DutyKind, RuleDays
from server.neighbor_center.opening.rules import WeeklyHours, holds_on, kind_of_day, weekday_set
from server.neighbor_center.venues.models import Venue
from server.neighbor_center.venues.queries import organization_of_venue
from server.notifications.telling import notify
from server.organizations.access import WORKERS, holds_role, require_role


class DutyView(msgspec.Struct, kw_only=True):
    """Somebody on duty on a day, as the public reads it: wall-clock times; empty `service_id`: the whole venue."""

    id: Id
    shown_as: str
    kind: DutyKind
    service_id: Id | None
    service_name: str | None
    opens: str
    closes: str
    person_id: Id | None = None


class DutyDay(msgspec.Struct):
    day: date
    duties: list[DutyView]


async def add_duty(
    actor_id: str,
    venue_id: str,
    *,
    person_id: str,
    shown_as: str,
    kind: DutyKind,
    service_id: str | None,
    hours: Hours,
    valid_from: date,
    valid_until: date | None,
) -> str:
    """Put somebody who works there on the roster, and tell them; the duty's id. Raises NotFound, NotAllowed,
    InvalidFields."""
    check_year("valid_from", valid_from)
    check_year("valid_until", valid_until or valid_from)
    if valid_until and valid_until < valid_from:
        raise InvalidFields.of("valid_until", "不能早于生效日期")
    if hours.opens >= hours.closes:
        raise InvalidFields.of("closes", "结束时间应晚于开始时间")
    async with transaction():
        venue = await Venue.get_or_none(id=venue_id)
        if venue is None:
            raise NotFound()
        await require_role(actor_id, venue.organization_id)
        if service_id is not None and (await get_service_row(service_id)).venue_id != venue_id:
            raise InvalidFields.of("service_id", "该场所没有这项服务")
        if not await holds_role(person_id, venue.organization_id, WORKERS):
            raise InvalidFields.of("person_id", "此人不是该场所的工作人员")
        duty = await Duty.create(
            venue_id=venue_id,
            service_id=service_id,
            person_id=person_id,
            shown_as=shown_as,
            kind=kind,
            weekdays=weekday_set(hours.weekdays),
            opens=hours.opens,
            closes=hours.closes,
            days=hours.days,
            valid_from=valid_from,
            valid_until=valid_until,
        )
        await notify(person_id, messages.DUTY_ASSIGNED, duty=duty.id)
        await _audit(actor_id, "add_duty", duty, venue.organization_id)
    return duty.id


async def end_duty(actor_id: str, duty_id: str, last_day: date) -> None:
    """`last_day` is the last on which somebody is on this duty. Raises NotFound, NotAllowed."""
    check_year("last_day", last_day)
    async with transaction():
        duty = await Duty.filter(id=duty_id).select_for_update(no_key=True).get_or_none()
        if duty is None:
            raise NotFound()
        venue = await Venue.get(id=duty.venue_id)
        await require_role(actor_id, venue.organization_id)
        duty.valid_until = last_day
        await duty.save(update_fields=["valid_until"])
        await _audit(actor_id, "end_duty", duty, venue.organization_id)


async def list_duties(venue_id: str, first_day: date | None, days: int, *, names: bool = False) -> list[DutyDay]:
    """Who is on duty on each of `days` days from `first_day` (today without one). With `names`, also which person.

    Raises NotFound, InvalidFields.
    """
    first_day = first_day or today()
    check_year("first_day", first_day)
    if not await fetch_one("SELECT 1 FROM venue WHERE id = $1", venue_id):
        raise NotFound()
    last_day = first_day + timedelta(days=days - 1)
    rows = await fetch(
        "SELECT d.id, d.shown_as, d.kind, d.service_id, s.name AS service_name, d.opens, d.closes, d.weekdays, d.days, "
        "d.person_id, d.valid_from, d.valid_until FROM duty d LEFT JOIN service s ON s.id = d.service_id "
        "WHERE d.venue_id = $1 AND (d.valid_until IS NULL OR d.valid_until >= $2) AND d.valid_from <= $3 "
        "ORDER BY d.opens, d.id",
        venue_id,
        first_day,
        last_day,
    )
    loaded = await read_loaded_years(first_day, last_day)
    found = []
    for number in range(days):
        day = first_day + timedelta(days=number)
        kind = kind_of_day(day, loaded)
        duties = [
            DutyView(
                id=row["id"],
                shown_as=row["shown_as"],
                kind=DutyKind(row["kind"]),
                service_id=row["service_id"],
                service_name=row["service_name"],
                opens=wall_clock(row["opens"]),
                closes=wall_clock(row["closes"]),
                person_id=row["person_id"] if names else None,
            )
            for row in rows
            if holds_on(
                WeeklyHours(
                    weekdays=row["weekdays"],
                    opens=row["opens"],
                    closes=row["closes"],
                    valid_from=row["valid_from"],
                    valid_until=row["valid_until"],
                    days=RuleDays(row["days"]),
                ),
                day,
                kind,
            )
        ]
        found.append(DutyDay(day, duties))
    return found


async def list_duties_for_staff(actor_id: str, venue_id: str, first_day: date | None, days: int) -> list[DutyDay]:
    """The roster with who each one is, for those who work there. Raises NotFound, NotAllowed."""
    await require_role(actor_id, await organization_of_venue(venue_id))
    return await list_duties(venue_id, first_day, days, names=True)


async def describe_duties(duty_ids: list[str]) -> dict[str, dict[str, str]]:
    """Words for messages."""
    rows = await fetch(
        "SELECT d.id, d.shown_as, v.name AS venue, d.weekdays, d.days, d.opens, d.closes, d.valid_from FROM duty d "
        "JOIN venue v ON v.id = d.venue_id WHERE d.id = ANY($1::uuid[])",
        list(duty_ids),
    )
    return {
        row["id"]: {
            "id": row["id"],
            "title": row["shown_as"],
            "venue": row["venue"],
            "hours": duty_hours(row),
            "from_day": render_short_date(row["valid_from"]),
        }
        for row in rows
    }


def duty_hours(row: Any) -> str:
    """A duty's hours as people say them: `每周一、周三 08:30–11:30`."""
    return f"{_days(row['weekdays'], row['days'])} {wall_clock(row['opens'])}–{wall_clock(row['closes'])}"


def _days(weekdays: int, days: str) -> str:
    """`每周一、周三`, as people say it."""
    if days == RuleDays.HOLIDAYS:
        return "法定节假日"
    if weekdays == 127:
        return "每天"
    return "每" + "、".join(f"周{name}" for bit, name in enumerate("一二三四五六日") if weekdays >> bit & 1)


async def _audit(actor_id: str, action: str, duty: Duty, organization_id: str) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("duty", duty.id),
        person_id=duty.person_id,
        organization_id=organization_id,
    )
