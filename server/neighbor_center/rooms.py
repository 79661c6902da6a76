"""Rooms: one party has one to itself, for any range of time on a grid of 15 minutes.

Where staff must agree, requests may overlap; agreeing to one answers the others. That two that overlap are never both
booked is an exclusion constraint (room_booking_no_overlap); the lock on the service's row is there so that whoever
comes second gets an answer in words.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta

from server import clock
from server.accounts.queries import require_dependant
from server.audit import record_audit
from server.crypto import keyring
from server.database import IntegrityError, fetch, fetch_value, transaction, violates
from server.errors import InvalidFields, NotFound, WrongState
from server.neighbor_center.booking_queries import RoomBookingView, get_room_booking
from server.neighbor_center.errors import ChangeTooLate, RoomTaken, SlotNotOffered
from server.neighbor_center.models import ROOM_NOTE_CONTEXT, RoomBooking, RoomBookingState
from server.neighbor_center.rules import GRID_MINUTES, Span, day_of, instant, is_on_grid, is_open_throughout
from server.neighbor_center.terms import (
    HeldTime,
    ServiceTerms,
    check_day,
    check_deadline,
    check_limits,
    check_year,
    lock_for_booking,
    persons_to_tell,
    read_terms,
    require_may_book,
)
from server.notifications.service import notify
from server.organizations.access import require_role_or_hide, role_holders
from server.places.models import Purpose
from server.places.no_shows import ensure_not_blocked


async def book_room(
    actor_id: str,
    service_id: str,
    starts_at: datetime,
    ends_at: datetime,
    *,
    person_id: str | None = None,
    party_size: int = 1,
    note: str = "",
) -> RoomBookingView:
    """Book the room, or ask for it where staff must agree. The same tap twice gives the same one.

    Raises NotFound, SlotNotOffered, NotEligible, TooFarAhead, TooManyBookings, BookingOverlaps, Blocked, RoomTaken,
    InvalidFields.
    """
    check_year("starts_at", starts_at)
    check_year("ends_at", ends_at)
    person_id = person_id or actor_id
    await require_dependant(actor_id, person_id)
    async with transaction():
        await lock_for_booking(person_id, service_id)
        now, day = clock.now(), day_of(starts_at)
        terms = await read_terms(service_id, day, day)
        span = _check_range(terms, starts_at, ends_at)
        held = await _held_rooms(person_id, min(day, day_of(now)))
        for time in held:
            if (time.service_id, time.starts_at, time.ends_at) == (service_id, starts_at, ends_at):
                return await get_room_booking(actor_id, time.booking_id)
        await ensure_not_blocked(person_id, Purpose.SLOT)
        await require_may_book(terms, person_id)
        check_day(terms, span, now)
        check_limits(terms, span, held)
        if party_size > terms.max_party_size:
            raise InvalidFields.of("party_size", f"最多 {terms.max_party_size} 人")
        busy_until = ends_at + timedelta(minutes=terms.calendar.buffer_minutes)
        await _lock_room(service_id)
        await _require_free(service_id, Span(starts_at, busy_until))
        booking = RoomBooking(
            service_id=service_id,
            person_id=person_id,
            booked_by_id=actor_id,
            party_size=party_size,
            note=keyring().encrypt(note, ROOM_NOTE_CONTEXT) if note else None,
            starts_at=starts_at,
            ends_at=ends_at,
            busy_until=busy_until,
            state=RoomBookingState.REQUESTED if terms.needs_approval else RoomBookingState.BOOKED,
        )
        await _save(booking, created=True)
        event = "room_requested" if terms.needs_approval else "room_booked"
        await _tell(booking, event)
        if terms.needs_approval:
            await notify(await role_holders(terms.organization_id), "room_to_approve", room_booking=booking.id)
    return await get_room_booking(actor_id, booking.id)


async def cancel_room_booking(actor_id: str, booking_id: str) -> RoomBookingView:
    """Give the room up, before the deadline. Cancelling twice changes nothing. Raises NotFound, WrongState,
    ChangeTooLate."""
    person_id = await fetch_value("SELECT person_id FROM room_booking WHERE id = $1", booking_id)
    if person_id is None:
        raise NotFound()
    await require_dependant(actor_id, person_id)
    async with transaction():
        booking = await _lock_room_booking(booking_id)
        now = clock.now()
        if booking.state is RoomBookingState.CANCELLED:
            return await get_room_booking(actor_id, booking_id)
        if booking.state is RoomBookingState.BOOKED:
            check_deadline(await read_terms(booking.service_id, day_of(now), day_of(now)), booking.starts_at, now)
        elif booking.state is not RoomBookingState.REQUESTED:
            raise WrongState()
        elif booking.starts_at <= now:
            raise ChangeTooLate()
        booking.state, booking.ended_at = RoomBookingState.CANCELLED, now
        await _save(booking)
        await _tell(booking, "room_cancelled")
    return await get_room_booking(actor_id, booking_id)


async def approve_room_booking(actor_id: str, booking_id: str) -> None:
    """This one gets the room; other requests that overlap it are refused and told so. Raises NotFound, WrongState,
    RoomTaken."""
    async with _room_booking_of_staff(actor_id, booking_id, "approve_room_booking") as booking:
        if booking.state is RoomBookingState.BOOKED:
            return
        if booking.state is not RoomBookingState.REQUESTED or booking.starts_at <= clock.now():
            raise WrongState()
        await _require_free(booking.service_id, Span(booking.starts_at, booking.busy_until))
        booking.state, booking.decided_by_id = RoomBookingState.BOOKED, actor_id
        await _save(booking)
        await _tell(booking, "room_booked")
        others = RoomBooking.filter(
            service_id=booking.service_id,
            state=RoomBookingState.REQUESTED,
            starts_at__lt=booking.busy_until,
            busy_until__gt=booking.starts_at,
        ).select_for_update(no_key=True)
        for other in await others.order_by("id"):
            await _refuse(other, actor_id, "该时间段已安排给其他预约")


async def refuse_room_booking(actor_id: str, booking_id: str, reason: str) -> None:
    """Raises NotFound, WrongState."""
    async with _room_booking_of_staff(actor_id, booking_id, "refuse_room_booking") as booking:
        if booking.state is RoomBookingState.REFUSED:
            return
        if booking.state is not RoomBookingState.REQUESTED:
            raise WrongState()
        await _refuse(booking, actor_id, reason)


def _check_range(terms: ServiceTerms, starts_at: datetime, ends_at: datetime) -> Span:
    """Raises InvalidFields for what no room can be booked for, SlotNotOffered outside its hours."""
    if terms.longest_minutes is None:
        raise InvalidFields.of("starts_at", "该服务请按时段预约")
    if not is_on_grid(starts_at):
        raise InvalidFields.of("starts_at", f"请选择 {GRID_MINUTES} 分钟的整点时刻")
    if not is_on_grid(ends_at):
        raise InvalidFields.of("ends_at", f"请选择 {GRID_MINUTES} 分钟的整点时刻")
    minutes = (ends_at - starts_at) / timedelta(minutes=1)
    if not terms.calendar.minutes <= minutes <= terms.longest_minutes:
        raise InvalidFields.of("ends_at", f"每次可预约 {terms.calendar.minutes} 至 {terms.longest_minutes} 分钟")
    span = Span(starts_at, ends_at)
    if not is_open_throughout(terms.calendar, span):
        raise SlotNotOffered()
    return span


async def _held_rooms(person_id: str, from_day: date) -> list[HeldTime]:
    """What the person has booked or asked for, from that day on, as terms.check_limits takes it."""
    rows = await fetch(
        "SELECT id, service_id, starts_at, ends_at, state IN ('requested', 'booked') AND ends_at > $3 AS is_open "
        "FROM room_booking WHERE person_id = $1 AND starts_at >= $2 AND ended_at IS NULL ORDER BY starts_at",
        person_id,
        instant(from_day, 0),
        clock.now(),
    )
    return [HeldTime(*row) for row in rows]


async def _lock_room(service_id: str) -> None:
    """Two who want the same room at once: the second waits, and then sees that it is taken."""
    await fetch("SELECT 1 FROM service WHERE id = $1 FOR NO KEY UPDATE", service_id)


async def _require_free(service_id: str, busy: Span) -> None:
    taken = await fetch_value(
        "SELECT 1 FROM room_booking WHERE service_id = $1 AND state IN ('booked', 'attended', 'no_show') "
        "AND tstzrange(starts_at, busy_until) && tstzrange($2, $3) LIMIT 1",
        service_id,
        busy.starts_at,
        busy.ends_at,
    )
    if taken:
        raise RoomTaken()


async def _lock_room_booking(booking_id: str) -> RoomBooking:
    """Cancelling and deciding at the same time: the second sees what the first has done. Raises NotFound."""
    booking = await RoomBooking.filter(id=booking_id).select_for_update(no_key=True).get_or_none()
    if booking is None:
        raise NotFound()
    return booking


async def _refuse(booking: RoomBooking, actor_id: str, reason: str) -> None:
    booking.state, booking.ended_at = RoomBookingState.REFUSED, clock.now()
    booking.decided_by_id, booking.staff_reason = actor_id, reason
    await _save(booking)
    await _tell(booking, "room_refused")


async def _save(booking: RoomBooking, *, created: bool = False) -> None:
    try:
        await booking.save(force_create=created)
    except IntegrityError as error:
        if violates(error, "room_booking_no_overlap"):
            raise RoomTaken() from None
        raise


async def _tell(booking: RoomBooking, event: str) -> None:
    persons = await persons_to_tell(booking.person_id, booking.booked_by_id)
    await notify(persons, event, room_booking=booking.id)


@asynccontextmanager
async def _room_booking_of_staff(actor_id: str, booking_id: str, action: str) -> AsyncIterator[RoomBooking]:
    """The booking and its room, locked, for staff of the venue: one transaction with its audit entry."""
    rows = await fetch(
        "SELECT v.id, v.organization_id, r.service_id FROM room_booking r JOIN service s ON s.id = r.service_id "
        "JOIN venue v ON v.id = s.venue_id WHERE r.id = $1",
        booking_id,
    )
    if not rows:
        raise NotFound()
    venue_id, organization_id, service_id = rows[0]
    await require_role_or_hide(actor_id, organization_id)
    async with transaction():
        # Shared with those who book; staff who change the calendar hold it alone, and lock many bookings.
        await fetch("SELECT 1 FROM venue WHERE id = $1 FOR SHARE", venue_id)
        await _lock_room(service_id)
        booking = await _lock_room_booking(booking_id)
        yield booking
        await record_audit(
            action,
            actor_id=actor_id,
            subject=("room_booking", booking_id),
            person_id=booking.person_id,
            organization_id=organization_id,
        )
