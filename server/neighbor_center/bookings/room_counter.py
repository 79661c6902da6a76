"""What staff of the venue do with rooms' bookings: decide on requests, take rooms back, note who came."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch, transaction
from server.foundation.errors import NotFound, WrongState
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.models import RoomBooking, RoomBookingState
from server.neighbor_center.bookings.room_booking import (
    attend_room,
    lock_room,
    lock_room_booking,
    miss_room,
    refuse_request,
    require_free_room,
    save_room_booking,
    tell_of_room,
)
from server.neighbor_center.opening.rules import ARRIVES_BEFORE, Span
from server.organizations.access import require_role_or_hide


async def approve_room_booking(actor_id: str, booking_id: str) -> None:
    """This one gets the room; other requests that overlap it are refused and told so. Raises NotFound, WrongState,
    RoomTaken."""
    async with _room_booking_of_staff(actor_id, booking_id, "approve_room_booking") as booking:
        if booking.state is RoomBookingState.BOOKED:
            return
        if booking.state is not RoomBookingState.REQUESTED or booking.starts_at <= clock.now():
            raise WrongState()
        await require_free_room(booking.service_id, Span(booking.starts_at, booking.busy_until))
        booking.state, booking.decided_by_id, booking.answer_due_at = RoomBookingState.BOOKED, actor_id, None
        await save_room_booking(booking)
        await tell_of_room(booking, messages.ROOM_BOOKED)
        others = RoomBooking.filter(
            service_id=booking.service_id,
            state=RoomBookingState.REQUESTED,
            starts_at__lt=booking.busy_until,
            busy_until__gt=booking.starts_at,
        ).select_for_update(no_key=True)
        for other in await others.order_by("id"):
            await refuse_request(other, actor_id, "该时间段已安排给其他预约")


async def refuse_room_booking(actor_id: str, booking_id: str, reason: str) -> None:
    """Raises NotFound, WrongState."""
    async with _room_booking_of_staff(actor_id, booking_id, "refuse_room_booking") as booking:
        if booking.state is RoomBookingState.REFUSED:
            return
        if booking.state is not RoomBookingState.REQUESTED:
            raise WrongState()
        await refuse_request(booking, actor_id, reason)


async def cancel_room_booking_by_staff(actor_id: str, booking_id: str, reason: str) -> None:
    """The venue cannot keep the booking. Cancelling twice changes nothing. Raises NotFound, WrongState."""
    async with _room_booking_of_staff(actor_id, booking_id, "cancel_room_booking_by_staff") as booking:
        if booking.state is RoomBookingState.CANCELLED:
            return
        if booking.state not in (RoomBookingState.REQUESTED, RoomBookingState.BOOKED):
            raise WrongState()
        booking.state, booking.ended_at = RoomBookingState.CANCELLED, clock.now()
        booking.decided_by_id, booking.staff_reason = actor_id, reason
        await save_room_booking(booking)
        await tell_of_room(booking, messages.ROOM_CLOSED)


async def mark_room_attended(actor_id: str, booking_id: str) -> None:
    """They came; also takes back that they did not. From 30 minutes before it begins. Raises NotFound, WrongState."""
    async with _room_booking_of_staff(actor_id, booking_id, "mark_room_attended") as booking:
        if clock.now() < booking.starts_at - ARRIVES_BEFORE:
            raise WrongState("尚未到预约时间")
        await attend_room(booking)


async def mark_room_no_show(actor_id: str, booking_id: str) -> None:
    """Nobody came; it counts towards a block, as for slots. Once it has begun. Raises NotFound, WrongState."""
    async with _room_booking_of_staff(actor_id, booking_id, "mark_room_no_show") as booking:
        if clock.now() < booking.starts_at:
            raise WrongState("尚未到预约时间")
        if booking.state is RoomBookingState.NO_SHOW:
            return
        if booking.state is not RoomBookingState.BOOKED:
            raise WrongState()
        await miss_room(booking)


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
        await lock_room(service_id)
        booking = await lock_room_booking(booking_id)
        yield booking
        await record_audit(
            action,
            actor_id=actor_id,
            subject=("room_booking", booking_id),
            person_id=booking.person_id,
            organization_id=organization_id,
        )
