"""Reminders before a booking: once each, and planned anew when it is moved.

Who waits for a place or for an answer is not reminded; by the next reminder that may have changed.
"""

from datetime import timedelta
from typing import Any

from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.database import execute
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.terms import persons_to_tell
from server.notifications.events import Event
from server.notifications.reminders import next_reminder
from server.notifications.service import notify


async def _remind(table: str, event: Event, row: Any, **facts: Any) -> None:
    now = clock.now()
    if row["is_booked"] and row["starts_at"] > now:
        told = await persons_to_tell(row["person_id"], row["booked_by_id"])
        await notify(told, event, expires_at=row["starts_at"], **facts)
    planned = next_reminder(now, row["starts_at"]) if row["is_active"] else None
    await execute(f"UPDATE {table} SET remind_at = $2 WHERE id = $1", row["id"], planned)


async def _remind_of_slot(row: Any) -> None:
    await _remind("booking", messages.SLOT_REMINDER, row, booking=row["id"], slot=row["slot_id"])


async def _remind_of_room(row: Any) -> None:
    await _remind("room_booking", messages.ROOM_REMINDER, row, room_booking=row["id"])


REMIND_OF_BOOKINGS = due_sweep(
    "booking_reminders",
    timedelta(seconds=30),
    rows="booking b JOIN place p ON p.id = b.place_id",
    due="b.remind_at",
    row_id="b.id",
    columns="b.person_id, b.booked_by_id, b.slot_id, b.starts_at, p.ended_at IS NULL AS is_active, "
    "p.state = 'confirmed' AND b.approval <> 'pending' AS is_booked",
    lock="NO KEY UPDATE OF b",
    do=_remind_of_slot,
    batch=100,
)

REMIND_OF_ROOM_BOOKINGS = due_sweep(
    "room_booking_reminders",
    timedelta(seconds=30),
    rows="room_booking",
    due="remind_at",
    columns="person_id, booked_by_id, starts_at, state = 'booked' AS is_booked, "
    "state IN ('requested', 'booked') AS is_active",
    lock="NO KEY UPDATE",
    do=_remind_of_room,
    batch=100,
)
