"""Telling people a day and two hours before a shift begins, once each; a moved shift is planned anew."""

from datetime import datetime, timedelta

from server.background.sweeps import Batch
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.notifications.service import notify
from server.volunteering import messages
from server.volunteering.models import Shift
from server.volunteering.party import people_coming

DAY_BEFORE = timedelta(hours=24)
HOURS_BEFORE = timedelta(hours=2)

_BATCH = 20


def next_reminder(now: datetime, starts_at: datetime) -> datetime | None:
    """When people are to be reminded next; None when both times have passed."""
    return next((at for at in (starts_at - DAY_BEFORE, starts_at - HOURS_BEFORE) if at > now), None)


async def plan_reminders(shifts: list[Shift]) -> None:
    """Remind of these published shifts by the times that they have now, in the caller's transaction."""
    now = clock.now()
    for shift in shifts:
        shift.remind_at = next_reminder(now, shift.starts_at)
        await shift.save(update_fields=["remind_at"])


async def remind_of_shifts() -> int:
    """The sweep: tell those who have a place; of a reminder that is late only the nearest. How many shifts."""
    batch = Batch("remind_of_shifts")
    async with transaction():
        now = clock.now()
        rows = await fetch(
            "SELECT id, starts_at FROM shift WHERE remind_at <= $1 AND id <> ALL($3) "
            "ORDER BY remind_at LIMIT $2 FOR UPDATE SKIP LOCKED",
            now,
            _BATCH,
            batch.passed_over,
        )
        for row in rows:
            async with batch.row(row["id"]):
                left = row["starts_at"] - now
                if left > timedelta():
                    event = messages.SHIFT_TOMORROW if left > HOURS_BEFORE else messages.SHIFT_SOON
                    await notify(await people_coming([row["id"]]), event, expires_at=row["starts_at"], shift=row["id"])
                await execute(
                    "UPDATE shift SET remind_at = $2 WHERE id = $1", row["id"], next_reminder(now, row["starts_at"])
                )
    return batch.finish()


async def reminder_lag() -> float:
    """For how many seconds the oldest reminder is overdue."""
    oldest = await fetch_value("SELECT min(remind_at) FROM shift WHERE remind_at <= $1", clock.now())
    return (clock.now() - oldest).total_seconds() if oldest else 0.0
