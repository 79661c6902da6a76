"""Staff on duty: who sits at a venue 坐班, is on call 值班, works at off hours 错时 or longer 延时, and when."""

from datetime import date, timedelta
from typing import Annotated, Any

import msgspec

from server.calendars.holidays import kind_of_day, read_loaded_years
from server.foundation.audit import record_audit
from server.foundation.bounds import RequiredText
from server.foundation.database import fetch, fetch_one, transaction
from server.foundation.dates import render_short_date, today, wall_clock
from server.foundation.errors import InvalidFields, NotFound
from server.foundation.ids import Id
from server.neighbor_center import messages
from server.neighbor_center.opening.hours import Hours, check_period
from server.neighbor_center.opening.models import Duty, DutyKind, RuleDays
from server.neighbor_center.opening.rules import WeeklyHours, check_year, holds_on
from server.neighbor_center.venues.queries import require_role_at_venue, require_service_of
from server.notifications.telling import notify
from server.organizations.access import WORKERS, holds_role


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


class NewDuty(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who is on duty when; `shown_as` is what the public reads (王医生，全科)."""

    hours: Hours
    person_id: Id
    shown_as: Annotated[RequiredText, msgspec.Meta(max_length=40)]
    kind: DutyKind
    service_id: Id | None = None
    valid_from: date
    valid_until: date | None = None


_DUTIES = (
    "SELECT d.id, d.shown_as, d.kind, d.service_id, s.name AS service_name, d.opens, d.closes, d.weekdays, d.days, "
    "d.person_id, d.valid_from, d.valid_until FROM duty d LEFT JOIN service s ON s.id = d.service_id"
)


async def add_duty(actor_id: str, venue_id: str, given: NewDuty) -> DutyView:
    """Put somebody who works there on the roster, and tell them. Raises NotFound, NotAllowed, InvalidFields."""
    check_period(given.valid_from, given.valid_until)
    given.hours.check()
    async with transaction():
        organization_id = await require_role_at_venue(actor_id, venue_id)
        await require_service_of(venue_id, given.service_id)
        if not await holds_role(given.person_id, organization_id, WORKERS):
            raise InvalidFields.of("person_id", "此人不是该场所的工作人员")
        duty = await Duty.create(
            venue_id=venue_id,
            service_id=given.service_id,
            person_id=given.person_id,
            shown_as=given.shown_as,
            kind=given.kind,
            valid_from=given.valid_from,
            valid_until=given.valid_until,
            **given.hours.columns(),
        )
        await notify(given.person_id, messages.DUTY_ASSIGNED, duty=duty.id)
        return await _audited(actor_id, "add_duty", duty, organization_id)


async def end_duty(actor_id: str, duty_id: str, last_day: date) -> DutyView:
    """`last_day` is the last on which somebody is on this duty. Raises NotFound, NotAllowed."""
    check_year("last_day", last_day)
    async with transaction():
        duty = await Duty.filter(id=duty_id).select_for_update(no_key=True).get_or_none()
        if duty is None:
            raise NotFound()
        organization_id = await require_role_at_venue(actor_id, duty.venue_id)
        duty.valid_until = last_day
        await duty.save(update_fields=["valid_until"])
        return await _audited(actor_id, "end_duty", duty, organization_id)


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
        f"{_DUTIES} WHERE d.venue_id = $1 AND (d.valid_until IS NULL OR d.valid_until >= $2) AND d.valid_from <= $3 "
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
        found.append(DutyDay(day, [_view(row, names=names) for row in rows if holds_on(_hours(row), day, kind)]))
    return found


async def list_duties_for_staff(actor_id: str, venue_id: str, first_day: date | None, days: int) -> list[DutyDay]:
    """The roster with who each one is, for those who work there. Raises NotFound, NotAllowed."""
    await require_role_at_venue(actor_id, venue_id)
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


async def _audited(actor_id: str, action: str, duty: Duty, organization_id: str) -> DutyView:
    """The duty as staff see it, once what they did to it is noted."""
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("duty", duty.id),
        person_id=duty.person_id,
        organization_id=organization_id,
    )
    row = await fetch_one(f"{_DUTIES} WHERE d.id = $1", duty.id)
    assert row
    return _view(row, names=True)


def _view(row: Any, *, names: bool) -> DutyView:
    return DutyView(
        id=row["id"],
        shown_as=row["shown_as"],
        kind=DutyKind(row["kind"]),
        service_id=row["service_id"],
        service_name=row["service_name"],
        opens=wall_clock(row["opens"]),
        closes=wall_clock(row["closes"]),
        person_id=row["person_id"] if names else None,
    )


def _hours(row: Any) -> WeeklyHours:
    columns = {name: row[name] for name in ("weekdays", "opens", "closes", "valid_from", "valid_until")}
    return WeeklyHours(**columns, days=RuleDays(row["days"]))
