"""What time brings about a day after a booking: who is not noted as there is a no-show, as with shifts.

Where on that day nobody's coming was noted for the service (or for any room of the venue), attendance was not kept, and
nobody is punished for it. Nor is who is visited at home, or stood at the counter when they booked.
"""

from datetime import date, datetime, timedelta
from typing import Any

from server.background.sweeps import Sweep, due_sweep
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch_value
from server.foundation.dates import day_of, instant
from server.neighbor_center.bookings.kinds import ROOMS, SLOTS, AnyKind, lock_booking
from server.neighbor_center.bookings.models import Booking, BookingState
from server.neighbor_center.bookings.outcomes import miss

SETTLED_AFTER = timedelta(days=1)
"""How long after the end staff may take to note who came."""


def _over() -> datetime:
    return clock.now() - SETTLED_AFTER


def _settle(kind: AnyKind) -> Sweep:
    async def settle(row: Any) -> None:
        booking = await lock_booking(kind, row["id"])
        booking.settled_at = clock.now()
        await booking.save(update_fields=["settled_at"])
        is_expected = booking.state is BookingState.BOOKED
        if booking.walk_in or (isinstance(booking, Booking) and booking.address is not None):
            is_expected = False
        if is_expected and await _was_kept(kind, row, day_of(booking.starts_at)):
            await miss(booking)
            await record_audit(
                "mark_absent",
                actor_id=None,
                subject=(kind.table, booking.id),
                person_id=booking.person_id,
                organization_id=row["organization_id"],
            )

    return due_sweep(
        f"{kind.table}_absences",
        timedelta(minutes=1),
        rows=kind.source,
        where="b.settled_at IS NULL AND b.starts_at < $1",
        due=f"{kind.time}.ends_at",
        before=_over,
        order="b.starts_at",
        row_id="b.id",
        columns="s.id AS service_id, s.venue_id, v.organization_id",
        lock="NO KEY UPDATE OF b",
        do=settle,
        batch=100,
    )


async def _was_kept(kind: AnyKind, row: Any, day: date) -> bool:
    """Whether somebody is noted as there that day, at the service or, for a room, at any room of the venue."""
    here, value = ("s.id", row["service_id"]) if kind is SLOTS else ("s.venue_id", row["venue_id"])
    return bool(
        await fetch_value(
            f"SELECT EXISTS (SELECT 1 FROM {kind.source} WHERE {here} = $1 AND {kind.time}.starts_at >= $2 "
            # What has come has not ended: said too, for the index of rooms' times.
            f"AND {kind.time}.starts_at < $3 AND {kind.state} = 'attended' AND {kind.ended}.ended_at IS NULL "
            "AND NOT b.walk_in)",
            value,
            instant(day, 0),
            instant(day, 1440),
        )
    )


SETTLE_BOOKINGS = _settle(SLOTS)
SETTLE_ROOM_BOOKINGS = _settle(ROOMS)
