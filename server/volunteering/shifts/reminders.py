"""Telling people a day and two hours before a shift begins, once each; a moved shift is planned anew."""

from datetime import timedelta
from typing import Any

from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.database import execute
from server.notifications.reminders import HOURS_BEFORE, next_reminder
from server.notifications.telling import notify
from server.volunteering import messages
from server.volunteering.models import Shift
from server.volunteering.sign_ups.party import people_coming


async def plan_reminders(shifts: list[Shift]) -> None:
    """Remind of these published shifts by the times that they have now, in the caller's transaction."""
    now = clock.now()
    for shift in shifts:
        shift.remind_at = next_reminder(now, shift.starts_at)
        await shift.save(update_fields=["remind_at"])


async def _remind(row: Any) -> None:
    now = clock.now()
    left = row["starts_at"] - now
    if left > timedelta():
        event = messages.SHIFT_TOMORROW if left > HOURS_BEFORE else messages.SHIFT_SOON
        await notify(await people_coming([row["id"]]), event, expires_at=row["starts_at"], shift=row["id"])
    await execute("UPDATE shift SET remind_at = $2 WHERE id = $1", row["id"], next_reminder(now, row["starts_at"]))


REMIND_OF_SHIFTS = due_sweep(
    "remind_of_shifts",
    timedelta(seconds=30),
    rows="shift",
    due="remind_at",
    columns="starts_at",
    do=_remind,
    batch=20,
)
"""Those who have a place are told; of reminders that are late only the nearest."""
