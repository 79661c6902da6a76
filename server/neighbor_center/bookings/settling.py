"""What time brings about after a booking: who did not come, where it was noted who did."""

from datetime import datetime, timedelta
from typing import Any

from server.background.sweeps import Batch
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch, fetch_value
from server.foundation.dates import day_of, instant
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.models import Approval, Booking, RoomBooking, RoomBookingState
from server.neighbor_center.bookings.room_booking import miss_room
from server.neighbor_center.bookings.slot_booking import tell
from server.places.models import Place, PlaceState
from server.places.no_shows import mark_no_show

SETTLED_AFTER = timedelta(days=1)
"""How long after the end staff may take to note who came."""

_SLOTS_OVER = (
    "SELECT b.id, s.id AS service_id, v.organization_id FROM booking b JOIN slot t ON t.id = b.slot_id "
    "JOIN service s ON s.id = t.service_id JOIN venue v ON v.id = s.venue_id "
    "WHERE b.settled_at IS NULL AND b.starts_at < $1 AND t.ends_at < $1 AND b.id <> ALL($3) "
    "ORDER BY b.starts_at LIMIT $2"
)
_ROOMS_OVER = (
    "SELECT r.id, s.venue_id, v.organization_id FROM room_booking r JOIN service s ON s.id = r.service_id "
    "JOIN venue v ON v.id = s.venue_id WHERE r.settled_at IS NULL AND r.starts_at < $1 AND r.ends_at < $1 "
    "AND r.id <> ALL($3) ORDER BY r.starts_at LIMIT $2"
)


async def settle_bookings(limit: int = 100) -> int:
    """The sweep, a day after the end: whoever booked and is not noted as there is a no-show, as with shifts. How many
    bookings were looked at, each in a transaction of its own.

    Where on that day nobody's coming was noted for the service (or for any room of the venue), attendance was not
    kept, and nobody is punished for it. Nor is who is visited at home, or stood at the counter when they booked.
    """
    now = clock.now()
    batch, done = Batch("booking_absences"), 0
    for row in await fetch(_SLOTS_OVER, now - SETTLED_AFTER, limit, batch.passed_over):
        async with batch.row(row["id"]):
            unsettled = Booking.filter(id=row["id"], settled_at=None)
            booking = await unsettled.select_for_update(no_key=True, skip_locked=True).get_or_none()
            if booking is not None:
                await _settle_slot(booking, row, now)
                done += 1
    for row in await fetch(_ROOMS_OVER, now - SETTLED_AFTER, limit, batch.passed_over):
        async with batch.row(row["id"]):
            unsettled_rooms = RoomBooking.filter(id=row["id"], settled_at=None)
            room_booking = await unsettled_rooms.select_for_update(no_key=True, skip_locked=True).get_or_none()
            if room_booking is not None:
                await _settle_room(room_booking, row, now)
                done += 1
    return batch.finish(done)


async def settling_lag() -> float:
    """Seconds that the booking longest over has waited."""
    before = clock.now() - SETTLED_AFTER
    slot = await fetch_value(
        "SELECT t.ends_at FROM booking b JOIN slot t ON t.id = b.slot_id WHERE b.settled_at IS NULL "
        "AND b.starts_at < $1 AND t.ends_at < $1 ORDER BY b.starts_at LIMIT 1",
        before,
    )
    room = await fetch_value(
        "SELECT ends_at FROM room_booking WHERE settled_at IS NULL AND starts_at < $1 AND ends_at < $1 "
        "ORDER BY starts_at LIMIT 1",
        before,
    )
    return max(((before - over).total_seconds() for over in (slot, room) if over), default=0.0)


async def _settle_slot(booking: Booking, row: Any, now: datetime) -> None:
    booking.settled_at = now
    await booking.save(update_fields=["settled_at"])
    place = await Place.get(id=booking.place_id)
    expected = place.state is PlaceState.CONFIRMED and booking.approval in (Approval.NOT_NEEDED, Approval.APPROVED)
    if not expected or booking.walk_in or booking.address is not None:
        return
    kept = await fetch_value(
        "SELECT EXISTS (SELECT 1 FROM slot t JOIN booking b ON b.slot_id = t.id JOIN place p ON p.id = b.place_id "
        "WHERE t.service_id = $1 AND t.starts_at >= $2 AND t.starts_at < $3 AND p.state = 'attended' "
        "AND NOT b.walk_in)",
        row["service_id"],
        *_day_around(booking.starts_at),
    )
    if kept:
        await mark_no_show(booking.place_id)
        await _audit("booking", booking, row)
        await tell(booking, messages.SLOT_NO_SHOW)


async def _settle_room(booking: RoomBooking, row: Any, now: datetime) -> None:
    booking.settled_at = now
    await booking.save(update_fields=["settled_at"])
    if booking.state is not RoomBookingState.BOOKED:
        return
    kept = await fetch_value(
        "SELECT EXISTS (SELECT 1 FROM service s JOIN room_booking r ON r.service_id = s.id WHERE s.venue_id = $1 "
        "AND r.starts_at >= $2 AND r.starts_at < $3 AND r.ended_at IS NULL AND r.state = 'attended')",
        row["venue_id"],
        *_day_around(booking.starts_at),
    )
    if kept:
        await miss_room(booking)
        await _audit("room_booking", booking, row)


def _day_around(moment: datetime) -> tuple[datetime, datetime]:
    day = day_of(moment)
    return instant(day, 0), instant(day, 24 * 60)


async def _audit(kind: str, booking: Booking | RoomBooking, row: Any) -> None:
    await record_audit(
        "mark_absent",
        actor_id=None,
        subject=(kind, booking.id),
        person_id=booking.person_id,
        organization_id=row["organization_id"],
    )
