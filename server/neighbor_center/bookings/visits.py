"""Home visits 预约上门: who goes, and what they may see of whom they go to."""

from datetime import date, datetime, timedelta

import msgspec

from server.accounts.details import details_of
from server.foundation.audit import record_audit
from server.foundation.crypto import keyring
from server.foundation.database import (
    IntegrityError,
    execute,
    fetch_one,
    fetch_structs,
    fetch_value,
    transaction,
    violates,
)
from server.foundation.dates import day_of, instant, today
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.foundation.ids import Id
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.counter import booking_of_staff
from server.neighbor_center.bookings.kinds import SLOTS
from server.neighbor_center.bookings.models import ADDRESS_CONTEXT, OPEN_STATES, Booking
from server.neighbor_center.bookings.queries import get_day_booking
from server.neighbor_center.bookings.slots import end_visit
from server.neighbor_center.bookings.views import DayBooking
from server.neighbor_center.bookings.visitors import may_be_sent
from server.neighbor_center.errors import VisitorBusy
from server.neighbor_center.opening.rules import check_year
from server.notifications.telling import notify
from server.places.models import Place, PlaceState


class VisitDetails(msgspec.Struct):
    """What the one who goes to a home visit has to know, in clear."""

    booking_id: Id
    name: str
    phone: str
    address: str


async def assign_visitor(actor_id: str, booking_id: str, visitor_id: str) -> DayBooking:
    """Who goes to this home visit; the booking as staff see it. Raises NotFound, WrongState, VisitorBusy where they are
    at another home or on the way then, InvalidFields when they neither work here nor were named for the service."""
    async with booking_of_staff(SLOTS, actor_id, booking_id, ("assign_visitor",)) as booking:
        assert isinstance(booking, Booking)
        _require_visit(booking)
        service_id = await fetch_value("SELECT service_id FROM slot WHERE id = $1", booking.slot_id)
        if not await may_be_sent(visitor_id, service_id, await _organization_of(booking_id)):
            raise InvalidFields.of("visitor_id", "此人不是该场所的工作人员或这项服务的上门人员")
        if booking.visitor_id != visitor_id:
            await _send(booking, visitor_id)
        return await get_day_booking(SLOTS, booking_id)


async def require_visit(actor_id: str, booking_id: str) -> None:
    """Whether somebody could be sent at all, whoever it is. Raises NotFound, WrongState, OwnMatter."""
    async with booking_of_staff(SLOTS, actor_id, booking_id, ("assign_visitor",)) as booking:
        assert isinstance(booking, Booking)
        _require_visit(booking)


def _require_visit(booking: Booking) -> None:
    if booking.state not in OPEN_STATES:
        raise WrongState()
    if booking.address is None:
        raise WrongState("这不是上门服务的预约")


async def _send(booking: Booking, visitor_id: str) -> None:
    await end_visit(booking)
    booking.visitor_id, booking.visit_until = visitor_id, await _visit_until(booking)
    # Two visits given to one person at the same time would wait for each other in the exclusion constraint.
    await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 7))", visitor_id)
    try:
        await booking.save(update_fields=["visitor_id", "visit_until"])
    except IntegrityError as error:
        if violates(error, "booking_visitor_no_overlap"):
            raise VisitorBusy() from None
        raise
    await notify(visitor_id, messages.VISIT_ASSIGNED, booking=booking.id, slot=booking.slot_id)


async def get_visit_details(actor_id: str, booking_id: str) -> VisitDetails:
    """Name, phone and address for the one who goes, on the day of the visit and never else. Raises NotFound."""
    async with transaction():
        booking = await Booking.get_or_none(id=booking_id)
        if booking is None or booking.visitor_id != actor_id or booking.address is None:
            raise NotFound()
        place = await Place.get(id=booking.place_id)
        if place.state is not PlaceState.CONFIRMED or day_of(booking.starts_at) != today():
            raise NotFound("上门信息仅在服务当天可见")
        details = await details_of(booking.person_id)
        await record_audit(
            "view_visit_details",
            actor_id=actor_id,
            subject=("booking", booking_id),
            person_id=booking.person_id,
            organization_id=await _organization_of(booking_id),
        )
    return VisitDetails(
        booking_id, details.real_name, details.phone, keyring().decrypt(bytes(booking.address), ADDRESS_CONTEXT)
    )


class VisitView(msgspec.Struct, kw_only=True):
    """A home visit of the caller's: when, what, and in which grid. The address is asked for by itself, on the day."""

    booking_id: Id
    service_id: Id
    service_name: str
    starts_at: datetime
    ends_at: datetime
    free_again_at: datetime
    area_id: Id
    area_name: str
    party_size: int


async def list_my_visits(visitor_id: str, day: date) -> list[VisitView]:
    """The caller's home visits of a day, in order."""
    check_year("day", day)
    return await fetch_structs(
        VisitView,
        "SELECT b.id AS booking_id, t.service_id, s.name AS service_name, t.starts_at, t.ends_at, "
        "b.visit_until AS free_again_at, b.area_id, o.name AS area_name, b.party_size FROM booking b "
        "JOIN slot t ON t.id = b.slot_id JOIN service s ON s.id = t.service_id JOIN organization o ON o.id = b.area_id "
        "WHERE b.visitor_id = $1 AND b.starts_at >= $2 AND b.starts_at < $3 ORDER BY b.starts_at",
        visitor_id,
        instant(day, 0),
        instant(day, 1440),
    )


async def _visit_until(booking: Booking) -> datetime:
    """When who goes there is free again: after the visit, the pause and the way."""
    row = await fetch_one(
        "SELECT t.ends_at, s.buffer_minutes + s.travel_minutes AS minutes FROM slot t "
        "JOIN service s ON s.id = t.service_id WHERE t.id = $1",
        booking.slot_id,
    )
    assert row
    until: datetime = row["ends_at"] + timedelta(minutes=row["minutes"])
    return until


async def _organization_of(booking_id: str) -> str:
    organization_id: str = await fetch_value(
        f"SELECT v.organization_id FROM {SLOTS.source} WHERE b.id = $1", booking_id
    )
    return organization_id
