"""What staff of the venue do with bookings: take walk-ins, decide on requests, note who came."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from server.accounts.models import Person
from server.accounts.registry import register_walk_in
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch_value, transaction
from server.foundation.dates import day_of
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.models import Approval, Booking
from server.neighbor_center.bookings.slot_booking import (
    Wanted,
    check_wanted,
    end_booking,
    lock_booking,
    place_booking,
    tell,
)
from server.neighbor_center.bookings.slots import require_slot
from server.neighbor_center.bookings.terms import check_year, lock_for_booking, read_terms
from server.neighbor_center.errors import SlotNotOffered
from server.neighbor_center.opening.rules import ARRIVES_BEFORE
from server.neighbor_center.venues.queries import organization_of_service
from server.organizations.access import require_role, require_role_or_hide
from server.places.models import Place, PlaceState
from server.places.no_shows import mark_attended, mark_no_show
from server.places.service import leave_place


async def book_walk_in(
    actor_id: str,
    service_id: str,
    starts_at: datetime,
    *,
    person_id: str | None,
    real_name: str,
    phone: str,
    party_size: int,
    note: str,
    address: str = "",
    area_id: str | None = None,
) -> str:
    """Somebody stands at the counter, or calls: book them into a slot that is not over yet; the booking's id.

    The person is known (`person_id`), or is registered by name and phone. Limits per person don't hold here; capacity
    does. Raises NotFound, NotAllowed, SlotNotOffered, PlacesFull, OutsideArea, InvalidFields.
    """
    check_year("starts_at", starts_at)
    organization_id = await organization_of_service(service_id)
    await require_role(actor_id, organization_id)
    async with transaction():
        if person_id is None:
            if not real_name:
                raise InvalidFields.of("real_name", "请填写姓名")
            found = await register_walk_in(actor_id, organization_id, real_name=real_name, phone=phone)
            person_id = found.person_id
        elif not await Person.exists(id=person_id, merged_into_id=None):
            raise InvalidFields.of("person_id", "没有找到此人")
        await lock_for_booking(person_id, service_id)
        day = day_of(starts_at)
        terms = await read_terms(service_id, day, day)
        span = require_slot(terms, starts_at)
        if span.ends_at <= clock.now():
            raise SlotNotOffered("该时段已结束")
        wanted = await check_wanted(
            terms,
            Wanted(
                actor_id=actor_id,
                person_id=person_id,
                party_size=party_size,
                note=note,
                address=address,
                area_id=area_id,
            ),
        )
        existing: str | None = await fetch_value(
            "SELECT b.id FROM booking b JOIN slot t ON t.id = b.slot_id JOIN place p ON p.id = b.place_id "
            "WHERE b.person_id = $1 AND b.starts_at = $2 AND t.service_id = $3 AND p.ended_at IS NULL",
            person_id,
            span.starts_at,
            service_id,
        )
        if existing:
            return existing
        booking, _ = await place_booking(terms, span, wanted, walk_in=True)
        await tell(booking, messages.SLOT_BOOKED)
        await record_audit(
            "book_walk_in",
            actor_id=actor_id,
            subject=("booking", booking.id),
            person_id=person_id,
            organization_id=organization_id,
        )
    return booking.id


async def approve_booking(actor_id: str, booking_id: str) -> None:
    """The request is granted. Approving twice changes nothing. Raises NotFound, WrongState."""
    async with booking_of_staff(actor_id, booking_id, "approve_booking") as (booking, place):
        if booking.approval is Approval.APPROVED:
            return
        if booking.approval is not Approval.PENDING or not place.is_active:
            raise WrongState()
        booking.approval, booking.answer_due_at = Approval.APPROVED, None
        await booking.save(update_fields=["approval", "answer_due_at"])
        # Who still waits for a place is told when there is one.
        if place.state is PlaceState.CONFIRMED:
            await tell(booking, messages.SLOT_APPROVED)


async def refuse_booking(actor_id: str, booking_id: str, reason: str) -> None:
    """The request is refused, and its place goes to the next in line. Raises NotFound, WrongState."""
    async with booking_of_staff(actor_id, booking_id, "refuse_booking") as (booking, place):
        if booking.approval is Approval.REFUSED:
            return
        if booking.approval is not Approval.PENDING or not place.is_active:
            raise WrongState()
        booking.approval, booking.staff_reason = Approval.REFUSED, reason
        await end_booking(booking)
        await leave_place(booking.place_id, "refused", removed=True)
        await tell(booking, messages.SLOT_REFUSED)


async def cancel_booking_by_staff(actor_id: str, booking_id: str, reason: str) -> None:
    """The venue cannot keep the booking. Raises NotFound, WrongState."""
    async with booking_of_staff(actor_id, booking_id, "cancel_booking_by_staff") as (booking, place):
        if not place.is_active:
            return
        booking.staff_reason = reason
        await end_booking(booking)
        await leave_place(booking.place_id, "cancelled_by_staff", removed=True)
        await tell(booking, messages.SLOT_CLOSED)


async def mark_booking_attended(actor_id: str, booking_id: str) -> None:
    """They came; also takes back that they did not. From 30 minutes before the slot. Raises NotFound, WrongState."""
    async with booking_of_staff(actor_id, booking_id, "mark_booking_attended") as (booking, place):
        now = clock.now()
        if now < booking.starts_at - ARRIVES_BEFORE:
            raise WrongState("尚未到预约时间")
        if place.state is PlaceState.ATTENDED:
            return
        if booking.approval is Approval.PENDING:
            raise WrongState("该预约尚未审核")
        await mark_attended(booking.place_id)
        booking.arrived_at = now
        await booking.save(update_fields=["arrived_at"])


async def mark_booking_no_show(actor_id: str, booking_id: str) -> None:
    """They did not come; it counts towards a block. Once the slot has begun. Raises NotFound, WrongState."""
    async with booking_of_staff(actor_id, booking_id, "mark_booking_no_show") as (booking, place):
        if clock.now() < booking.starts_at:
            raise WrongState("尚未到预约时间")
        if place.state is PlaceState.NO_SHOW:
            return
        if booking.approval is Approval.PENDING:
            raise WrongState("该预约尚未审核")
        await mark_no_show(booking.place_id)
        await tell(booking, messages.SLOT_NO_SHOW)


@asynccontextmanager
async def booking_of_staff(actor_id: str, booking_id: str, action: str) -> AsyncIterator[tuple[Booking, Place]]:
    """The booking, locked, and its place, for staff of the venue: one transaction with its audit entry.

    Raises NotFound also to those who do not work there: bookings are private.
    """
    organization_id = await organization_of_booking(booking_id)
    await require_role_or_hide(actor_id, organization_id)
    async with transaction():
        booking = await lock_booking(booking_id)
        yield booking, await Place.get(id=booking.place_id)
        await record_audit(
            action,
            actor_id=actor_id,
            subject=("booking", booking_id),
            person_id=booking.person_id,
            organization_id=organization_id,
        )


async def organization_of_booking(booking_id: str) -> str:
    organization_id: str | None = await fetch_value(
        "SELECT v.organization_id FROM booking b JOIN slot t ON t.id = b.slot_id JOIN service s ON s.id = t.service_id "
        "JOIN venue v ON v.id = s.venue_id WHERE b.id = $1",
        booking_id,
    )
    if organization_id is None:
        raise NotFound()
    return organization_id
