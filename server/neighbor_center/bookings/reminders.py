"""Reminders before a booking: once each, and planned anew when it is moved.

Who waits for a place or for an answer is not reminded; by the next reminder that may have changed.
"""

from datetime import timedelta
from typing import Any

from server.background.sweeps import Sweep, due_sweep
from server.foundation import clock
from server.neighbor_center.bookings.kinds import ROOMS, SLOTS, AnyKind, lock_booking, tell
from server.neighbor_center.bookings.models import OPEN_STATES, BookingState
from server.notifications.reminders import next_reminder


def _reminders(kind: AnyKind) -> Sweep:
    async def remind(row: Any) -> None:
        now, booking = clock.now(), await lock_booking(kind, row["id"])
        if booking.state is BookingState.BOOKED and booking.starts_at > now:
            await tell(booking, kind.events.reminder, expires_at=booking.starts_at)
        booking.remind_at = next_reminder(now, booking.starts_at) if booking.state in OPEN_STATES else None
        await booking.save(update_fields=["remind_at"])

    return due_sweep(
        f"{kind.table}_reminders",
        timedelta(seconds=30),
        rows=kind.table,
        due="remind_at",
        lock="NO KEY UPDATE",
        do=remind,
        batch=100,
    )


REMIND_OF_BOOKINGS = _reminders(SLOTS)
REMIND_OF_ROOM_BOOKINGS = _reminders(ROOMS)
