"""When people are reminded of something that they have to come to."""

from datetime import datetime, timedelta

HOURS_BEFORE = timedelta(hours=2)
REMINDERS = (timedelta(hours=24), HOURS_BEFORE)
"""How long before it begins, the earliest first."""


def next_reminder(now: datetime, starts_at: datetime) -> datetime | None:
    """When people are to be reminded next; None when all times have passed."""
    return next((starts_at - before for before in REMINDERS if starts_at - before > now), None)
