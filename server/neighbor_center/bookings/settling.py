"""What time brings about a day after a booking: who is not noted as there is a no-show, as with shifts.

Where on that day nobody's coming was noted for the service (or for any room of the venue), attendance was not kept, and
nobody is punished for it. Nor is who is visited at home, or stood at the counter when they booked.
"""

from datetime import datetime, timedelta
from typing import Any

from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch_value
from server.foundation.dates import day_of, instant
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.models import Approval, Booking, RoomBooking, RoomBookingState
from server.neighbor_center.bookings.room_booking import miss_room
from server.neighbor_center.bookings.slot_booking import tell
from server.places.models import Place, PlaceState
from server.places.no_shows import mark_no_show

SETTLED_AFTER = timedelta(days=1)
"""How long after the end staff may take to note who came."""


def _over() -> datetime:
    return clock.now() - SETTLED_AFTER


async def _settle_slot(row: Any) -> None:
    booking = await Booking.get(id=row["id"])
    booking.settled_at = clock.now()
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


async def _settle_room(row: Any) -> None:
    booking = await RoomBooking.get(id=row["id"])
    booking.settled_at = clock.now()
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


SETTLE_BOOKINGS = due_sweep(
    "booking_absences",
    timedelta(minutes=1),
    rows="booking b JOIN slot t ON t.id = b.slot_id JOIN service s ON s.id = t.service_id "
    "JOIN venue v ON v.id = s.venue_id",
    where="b.settled_at IS NULL AND b.starts_at < $1",
    due="t.ends_at",
    before=_over,
    order="b.starts_at",
    row_id="b.id",
    columns="s.id AS service_id, v.organization_id",
    lock="NO KEY UPDATE OF b",
    do=_settle_slot,
    batch=100,
)

SETTLE_ROOM_BOOKINGS = due_sweep(
    "room_booking_absences",
    timedelta(minutes=1),
    rows="room_booking r JOIN service s ON s.id = r.service_id JOIN venue v ON v.id = s.venue_id",
    where="r.settled_at IS NULL AND r.starts_at < $1",
    due="r.ends_at",
    before=_over,
    order="r.starts_at",
    row_id="r.id",
    columns="s.venue_id, v.organization_id",
    lock="NO KEY UPDATE OF r",
    do=_settle_room,
    batch=100,
)
