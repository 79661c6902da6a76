"""Reminders 24 hours and 2 hours before a booking (rules.REMINDERS): once each, and planned anew when it is moved."""

from datetime import datetime
from typing import Any

from server.background.sweeps import Batch
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.terms import persons_to_tell
from server.neighbor_center.opening.rules import next_reminder
from server.notifications.service import notify

_DUE_SLOTS = (
    "SELECT b.id, b.person_id, b.booked_by_id, b.slot_id, b.starts_at, "
    "p.state = 'confirmed' AND b.approval <> 'pending' AS is_booked, p.ended_at IS NULL AS is_active "
    "FROM booking b JOIN place p ON p.id = b.place_id WHERE b.remind_at <= $1 "
    "AND b.id <> ALL($3) ORDER BY b.remind_at LIMIT $2 FOR NO KEY UPDATE OF b SKIP LOCKED"
)
_DUE_ROOMS = (
    "SELECT r.id, r.person_id, r.booked_by_id, r.starts_at, r.state = 'booked' AS is_booked, "
    "r.state IN ('requested', 'booked') AS is_active FROM room_booking r WHERE r.remind_at <= $1 "
    "AND r.id <> ALL($3) ORDER BY r.remind_at LIMIT $2 FOR NO KEY UPDATE OF r SKIP LOCKED"
)


async def send_reminders(limit: int = 100) -> int:
    """The sweep: remind of what begins soon, and plan the next one; how many bookings were looked at.

    A row that is being changed at this moment is left for the next round. Who waits for a place or for an answer is not
    reminded; by the next reminder that may have changed.
    """
    now = clock.now()
    batch = Batch("booking_reminders")
    async with transaction():
        for row in await fetch(_DUE_SLOTS, now, limit, batch.passed_over):
            async with batch.row(row["id"]):
                if row["is_booked"] and row["starts_at"] > now:
                    told = await persons_to_tell(row["person_id"], row["booked_by_id"])
                    facts = {"booking": row["id"], "slot": row["slot_id"]}
                    await notify(told, messages.SLOT_REMINDER, expires_at=row["starts_at"], **facts)
                await _plan("booking", row, now)
    async with transaction():
        for row in await fetch(_DUE_ROOMS, now, limit, batch.passed_over):
            async with batch.row(row["id"]):
                if row["is_booked"] and row["starts_at"] > now:
                    told = await persons_to_tell(row["person_id"], row["booked_by_id"])
                    await notify(told, messages.ROOM_REMINDER, expires_at=row["starts_at"], room_booking=row["id"])
                await _plan("room_booking", row, now)
    return batch.finish()


async def reminder_lag() -> float:
    """For how many seconds the oldest reminder is overdue."""
    now = clock.now()
    oldest = await fetch_value(
        "SELECT LEAST((SELECT min(remind_at) FROM booking WHERE remind_at <= $1), "
        "(SELECT min(remind_at) FROM room_booking WHERE remind_at <= $1))",
        now,
    )
    return max((now - oldest).total_seconds(), 0.0) if oldest else 0.0


async def _plan(table: str, row: Any, now: datetime) -> None:
    planned = next_reminder(now, row["starts_at"]) if row["is_active"] else None
    await execute(f"UPDATE {table} SET remind_at = $2 WHERE id = $1", row["id"], planned)
