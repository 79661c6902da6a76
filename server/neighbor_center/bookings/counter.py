"""What staff of the venue do with bookings, of slots and of rooms: decide on requests, take bookings back, move them
for callers, note who came. Each verb gives the booking as staff see it; its row in the audit log notes whom they have
seen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch, fetch_one, transaction
from server.foundation.dates import day_of
from server.foundation.errors import NotFound, WrongState
from server.neighbor_center.bookings.booking import change_to, check_times, is_at, lock_to_move, save_moved
from server.neighbor_center.bookings.kinds import (
    KINDS,
    ROOMS,
    AnyKind,
    DayView,
    Kind,
    lock_booking,
    save_booking,
    tell,
)
from server.neighbor_center.bookings.models import (
    OPEN_STATES,
    AnyBooking,
    Approval,
    BookingState,
    RoomBooking,
)
from server.neighbor_center.bookings.outcomes import attend, end_booking, miss
from server.neighbor_center.bookings.queries import get_day_booking
from server.neighbor_center.bookings.rooms import lock_room, require_free_room
from server.neighbor_center.bookings.terms import read_terms
from server.neighbor_center.opening.rules import ARRIVES_BEFORE, Span
from server.organizations.access import require_another, require_role_or_hide


async def approve_booking(kind: Kind[Any, DayView], actor_id: str, booking_id: str) -> DayView:
    """The request is granted; others that overlap it in the same room are refused and told so. Approving twice changes
    nothing. Raises NotFound, WrongState, RoomTaken."""
    async with booking_of_staff(kind, actor_id, booking_id, ("approve_booking", "approve_room_booking")) as booking:
        if not booking.was_approved:
            if not booking.is_request:
                raise WrongState()
            booking.answer_due_at = None
            if isinstance(booking, RoomBooking):
                await _give_room(booking, actor_id)
            else:
                booking.approval = Approval.APPROVED
                await booking.save(update_fields=["approval", "answer_due_at"])
            # Who still waits for a place is told when there is one.
            if booking.is_holding:
                await tell(booking, kind.events.approved)
            if isinstance(booking, RoomBooking):
                await refuse_others(booking, actor_id)
        return await get_day_booking(kind, booking_id)


async def refuse_booking(kind: Kind[Any, DayView], actor_id: str, booking_id: str, reason: str) -> DayView:
    """The request is refused, and its place goes to the next in line. Refusing twice changes nothing. Raises NotFound,
    WrongState."""
    async with booking_of_staff(kind, actor_id, booking_id, ("refuse_booking", "refuse_room_booking")) as booking:
        if not booking.was_refused:
            if not booking.is_request:
                raise WrongState()
            await end_booking(booking, "refused", by=actor_id, words=reason)
            await tell(booking, kind.events.refused)
        return await get_day_booking(kind, booking_id)


async def cancel_booking_by_staff(kind: Kind[Any, DayView], actor_id: str, booking_id: str, reason: str) -> DayView:
    """The venue cannot keep the booking. Cancelling twice changes nothing. Raises NotFound, WrongState."""
    action = ("cancel_booking_by_staff", "cancel_room_booking_by_staff")
    async with booking_of_staff(kind, actor_id, booking_id, action) as booking:
        if booking.state is not BookingState.CANCELLED:
            if booking.state not in OPEN_STATES:
                raise WrongState()
            await end_booking(booking, "cancelled_by_staff", by=actor_id, words=reason)
            await tell(booking, kind.events.closed)
        return await get_day_booking(kind, booking_id)


async def mark_booking_attended(kind: Kind[Any, DayView], actor_id: str, booking_id: str) -> DayView:
    """They came; also takes back that they did not. From 30 minutes before it begins. Raises NotFound, WrongState."""
    async with booking_of_staff(kind, actor_id, booking_id, ("mark_booking_attended", "mark_room_attended")) as booking:
        _require_begun(booking, booking.starts_at - ARRIVES_BEFORE)
        await attend(booking)
        return await get_day_booking(kind, booking_id)


async def mark_booking_no_show(kind: Kind[Any, DayView], actor_id: str, booking_id: str) -> DayView:
    """Nobody came; it counts towards a block. Once it has begun. Raises NotFound, WrongState."""
    async with booking_of_staff(kind, actor_id, booking_id, ("mark_booking_no_show", "mark_room_no_show")) as booking:
        _require_begun(booking, booking.starts_at)
        if booking.state is not BookingState.NO_SHOW:
            await miss(booking)
        return await get_day_booking(kind, booking_id)


def _require_begun(booking: AnyBooking, since: datetime) -> None:
    if clock.now() < since:
        # For what has ended no time comes any more.
        raise WrongState("尚未到预约时间" if booking.is_holding else "")


async def move_booking_by_staff(
    kind: Kind[Any, DayView], actor_id: str, booking_id: str, starts_at: datetime, ends_at: datetime | None = None
) -> DayView:
    """To another time, for somebody who calls: the rules are those of moving it oneself, only that what was agreed to
    stays so, since staff agree by moving it. The person is told. Raises what booking.move_booking does, OwnMatter."""
    check_times(starts_at, ends_at)
    row = await require_booking_of_staff(kind, actor_id, booking_id)
    async with transaction():
        booking = await lock_to_move(kind, booking_id, row["person_id"], row["service_id"])
        require_of_another(actor_id, booking)
        if not is_at(booking, starts_at, ends_at):
            terms = await read_terms(row["service_id"], day_of(starts_at), day_of(starts_at))
            was = booking.starts_at
            await change_to(booking, terms, starts_at, ends_at, actor_id)
            await save_moved(booking, terms)
            await tell(booking, kind.events.moved_at_request, was=was)
            if isinstance(booking, RoomBooking) and booking.is_holding:
                await refuse_others(booking, actor_id)
        action = ("move_booking_by_staff", "move_room_booking_by_staff")
        await _record(kind, action, actor_id, booking, row["organization_id"])
        return await get_day_booking(kind, booking_id)


async def require_booking_of_staff(kind: AnyKind, actor_id: str, booking_id: str) -> Any:
    """Of which venue it is, for staff there. Raises NotFound also to those who do not work there."""
    row = await fetch_one(
        f"SELECT b.person_id, v.id, v.organization_id, s.id AS service_id FROM {kind.source} WHERE b.id = $1",
        booking_id,
    )
    if row is None:
        raise NotFound()
    await require_role_or_hide(actor_id, row["organization_id"])
    return row


def require_of_another(actor_id: str, booking: AnyBooking) -> None:
    """Raises OwnMatter for one's own, and what one booked for a relative; at the counter one booked as staff."""
    require_another(actor_id, booking.person_id, None if booking.walk_in else booking.booked_by_id)


async def _record(
    kind: AnyKind, action: tuple[str, ...], actor_id: str, booking: AnyBooking, organization_id: str
) -> None:
    await record_audit(
        action[KINDS.index(kind)],
        actor_id=actor_id,
        subject=(kind.table, booking.id),
        person_id=booking.person_id,
        organization_id=organization_id,
    )


@asynccontextmanager
async def booking_of_staff(
    kind: AnyKind, actor_id: str, booking_id: str, action: tuple[str, ...]
) -> AsyncIterator[AnyBooking]:
    """The booking, locked, and its room, for staff of the venue: one transaction with its audit entry. `action` is for
    slots and for rooms.

    Raises NotFound also to those who do not work there: bookings are private; OwnMatter for the actor's own.
    """
    row = await require_booking_of_staff(kind, actor_id, booking_id)
    async with transaction():
        if kind is ROOMS:
            # Shared with those who book; staff who change the calendar hold it alone, and lock many bookings.
            await fetch("SELECT 1 FROM venue WHERE id = $1 FOR SHARE", row["id"])
            await lock_room(row["service_id"])
        booking = await lock_booking(kind, booking_id)
        require_of_another(actor_id, booking)
        yield booking
        await _record(kind, action, actor_id, booking, row["organization_id"])


async def _give_room(booking: RoomBooking, actor_id: str) -> None:
    if booking.starts_at <= clock.now():
        raise WrongState()
    await require_free_room(booking.service_id, Span(booking.starts_at, booking.busy_until))
    booking.state, booking.decided_by_id = BookingState.BOOKED, actor_id
    await save_booking(booking)


async def refuse_others(booking: RoomBooking, actor_id: str) -> None:
    """Nobody else can have the room then."""
    others = RoomBooking.filter(
        service_id=booking.service_id,
        state=BookingState.REQUESTED,
        starts_at__lt=booking.busy_until,
        busy_until__gt=booking.starts_at,
    ).select_for_update(no_key=True)
    for other in await others.order_by("id"):
        await end_booking(other, "refused", by=actor_id, words="该时间段已安排给其他预约")
        await tell(other, ROOMS.events.refused)
