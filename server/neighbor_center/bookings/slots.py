"""Slots: made from the calendar when somebody first wants one, and there once; a booking's place in one."""

from datetime import datetime

from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_one
from server.foundation.errors import InvalidFields
from server.foundation.rows import columns_of, row_as
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.models import Approval, Booking, BookingMove, Slot
from server.neighbor_center.bookings.terms import ServiceTerms
from server.neighbor_center.errors import SlotNotOffered
from server.neighbor_center.opening.rules import Span, find_slot
from server.neighbor_center.venues.models import Service
from server.notifications.telling import notify
from server.places.line import take
from server.places.models import Allotment, Place, Purpose
from server.places.taking import change_capacity, move_place, open_allotment


def require_slot(terms: ServiceTerms, starts_at: datetime) -> Span:
    """The service's slot that begins then. Raises SlotNotOffered; a room has none (InvalidFields)."""
    if terms.longest_minutes is not None:
        raise InvalidFields.of("starts_at", "活动室请按时间段预约")
    span = find_slot(terms.calendar, starts_at)
    if span is None:
        raise SlotNotOffered()
    return span


async def make_slot(terms: ServiceTerms, span: Span) -> Slot:
    """The slot of this service at this time, made if it is the first time that somebody wants it.

    The caller holds the venue (terms.lock_for_booking), and the span comes from the calendar as it is under that lock.
    """
    slot = await Slot.get_or_none(service_id=terms.id, starts_at=span.starts_at)
    if slot is not None and slot.ends_at == span.ends_at:
        return slot
    new = Slot(service_id=terms.id, starts_at=span.starts_at, ends_at=span.ends_at)
    # Two people who want the same new slot at once: the second waits here for the first, and then gets its row. An
    # older row with another end is from before the service's length was changed; what was booked in it has been moved.
    rows = await fetch(
        "INSERT INTO slot (id, created_at, service_id, starts_at, ends_at) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT ON CONSTRAINT slot_once DO UPDATE SET ends_at = EXCLUDED.ends_at RETURNING id, allotment_id",
        new.id,
        clock.now(),
        terms.id,
        span.starts_at,
        span.ends_at,
    )
    new.id, new.allotment_id = rows[0]["id"], rows[0]["allotment_id"]
    if new.allotment_id is None:
        allotment = await open_allotment(
            Purpose.SLOT, new.id, terms.capacity, starts_at=span.starts_at, may_wait=terms.may_wait
        )
        new.allotment_id = allotment.id
        await execute("UPDATE slot SET allotment_id = $2 WHERE id = $1", new.id, allotment.id)
    return new


async def take_slot(booking: Booking, terms: ServiceTerms, span: Span, *, needs_approval: bool, wait: bool) -> None:
    """A place in the slot for a new booking, which the caller writes. Raises PlacesFull."""
    booking.slot_id, allotment, mine = await _hold_slot(terms, span, booking.person_id)
    if mine:
        booking.place = await Place.get(id=mine)
    else:
        booking.place = await take(allotment, booking.person_id, booking.party_size, wait)
    booking.approval = Approval.PENDING if needs_approval else Approval.NOT_NEEDED


async def _hold_slot(terms: ServiceTerms, span: Span, person_id: str) -> tuple[str, Allotment, str | None]:
    """The slot, its places, locked, and the one that the person has there, whom the caller has locked."""
    for is_first_look in (True, False):
        row = await fetch_one(
            f"SELECT t.id AS slot_id, {columns_of(Allotment, 'al')}, (SELECT p.id FROM place p "
            "WHERE p.allotment_id = al.id AND p.person_id = $4 AND p.ended_at IS NULL) AS place_id "
            "FROM slot t JOIN allotment al ON al.id = t.allotment_id "
            "WHERE t.service_id = $1 AND t.starts_at = $2 AND t.ends_at = $3 FOR NO KEY UPDATE OF al",
            terms.id,
            span.starts_at,
            span.ends_at,
            person_id,
        )
        if row:
            return row["slot_id"], row_as(Allotment, row), row["place_id"]
        if is_first_look:
            await make_slot(terms, span)
    raise AssertionError("the second look finds what was made")


async def change_slot(booking: Booking, terms: ServiceTerms, span: Span, actor_id: str | None) -> None:
    """A place in another slot in exchange for the booking's, for the caller to save, who has locked it; nobody goes to
    the person's home at the old time. Raises PlacesFull, WrongState."""
    slot = await make_slot(terms, span)
    place = await move_place(booking.place_id, slot.allotment_id)
    if slot.id != booking.slot_id:
        assert actor_id, "nobody is moved by the system"
        await BookingMove.create(
            booking_id=booking.id, from_slot_id=booking.slot_id, to_slot_id=slot.id, moved_by_id=actor_id
        )
    await end_visit(booking)
    booking.slot_id, booking.place = slot.id, place


async def end_visit(booking: Booking) -> None:
    """Nobody goes to the person's home then; who would have gone is told. For the caller to save."""
    if booking.visitor_id is not None:
        await notify(booking.visitor_id, messages.VISIT_CANCELLED, booking=booking.id, slot=booking.slot_id)
    booking.visitor_id = booking.visit_until = None


async def change_slot_capacity(service: Service) -> None:
    """Slots that have not begun get the service's capacity; a lowered one throws nobody out."""
    rows = await fetch(
        "SELECT allotment_id FROM slot WHERE service_id = $1 AND starts_at > $2 ORDER BY allotment_id",
        service.id,
        clock.now(),
    )
    for row in rows:
        await change_capacity(row["allotment_id"], service.capacity)
