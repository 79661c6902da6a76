"""The week of a service: who comes when, what is free, booking somebody who stands there, and moving a booking."""

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from sanic.response import HTTPResponse

from server.console.rendering import render
from server.console.visits import Visit
from server.console.work import choose_venue
from server.foundation import clock
from server.foundation.dates import today
from server.foundation.errors import InvalidFields

DAYS = 7
_MOST = "100"


class Time(msgspec.Struct):
    """Some time of a day: who has it, and whether somebody else can still be booked into it."""

    starts_at: datetime
    ends_at: datetime
    bookings: list[Any] = []
    free: int = 0
    waiting: int = 0
    is_open: bool = False


async def show_week(visit: Visit) -> HTTPResponse:
    """A service's week. `moving` is a booking that is to have another time: a tap on one that is free moves it."""
    given = visit.request.args.get
    service = await visit.perform("get_service", {"service_id": given("service_id")}) if given("service_id") else None
    chosen, venues = await choose_venue(visit)
    venue_id = service.venue_id if service else chosen
    services = (await visit.perform("get_venue", {"venue_id": venue_id})).services if venue_id else []
    service = service or (services[0] if services else None)
    first = _first_day(visit)
    times = await _times(visit, service, first) if service else []
    slug = "room-bookings" if service and service.longest_minutes else "bookings"
    moving = None
    if given("moving"):
        operation = "show_room_booking_to_staff" if slug == "room-bookings" else "show_booking_to_staff"
        moving = await visit.perform(operation, {"booking_id": given("moving")})
    days = [first + timedelta(days=number) for number in range(DAYS)]
    return render(
        visit.request,
        "week.html",
        visit=visit,
        venues=venues,
        venue_id=venue_id,
        services=services,
        service=service,
        slug=slug,
        days=[(day, [time for time in times if clock.shanghai(time.starts_at).date() == day]) for day in days],
        moving=moving,
        before=first - timedelta(days=DAYS),
        after=first + timedelta(days=DAYS),
        today=today(),
        length=moving.ends_at - moving.starts_at if moving else timedelta(minutes=service.minutes if service else 0),
    )


async def _times(visit: Visit, service: Any, first: date) -> list[Time]:
    is_room = service.longest_minutes is not None
    path, span = {"service_id": service.id}, {"first_day": first.isoformat(), "days": str(DAYS)}
    bookings = await _bookings(visit, service, first, is_room=is_room)
    if is_room:
        days = (await visit.perform("get_room_days", path, span)).days
        free = [Time(each.starts_at, each.ends_at, is_open=True) for day in days for each in day.free]
        taken = [Time(one.starts_at, one.ends_at, [one]) for one in bookings]
        return sorted([*free, *taken], key=lambda time: time.starts_at)
    slots: dict[datetime, Time] = {}
    for day in (await visit.perform("get_availability", path, span)).days:
        for slot in day.slots:
            is_open = slot.free > 0 and slot.starts_at > clock.now()
            slots[slot.starts_at] = Time(slot.starts_at, slot.ends_at, [], slot.free, slot.waiting, is_open)
    for one in bookings:
        slots.setdefault(one.starts_at, Time(one.starts_at, one.ends_at)).bookings.append(one)
    return sorted(slots.values(), key=lambda time: time.starts_at)


async def _bookings(visit: Visit, service: Any, first: date, *, is_room: bool) -> list[Any]:
    operation = "list_day_room_bookings" if is_room else "list_day_bookings"
    query = {"day": first.isoformat(), "days": str(DAYS), "service_id": service.id, "limit": _MOST}
    found: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await visit.perform(
            operation, {"venue_id": service.venue_id}, query | ({"cursor": cursor} if cursor else {})
        )
        found += page.items
        cursor = page.next_cursor
    return found


def _first_day(visit: Visit) -> date:
    """The Monday of the week that was asked for, or of this one. Raises InvalidFields."""
    try:
        day = date.fromisoformat(visit.request.args.get("day") or today().isoformat())
    except ValueError:
        raise InvalidFields.of("day", "日期格式不正确") from None
    return day - timedelta(days=day.weekday())
