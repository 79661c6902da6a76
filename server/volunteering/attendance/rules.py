"""When and where one can clock in and out."""

from datetime import datetime, timedelta

SCAN_BEFORE = timedelta(hours=2)
SCAN_AFTER = timedelta(hours=2)

CLOCK_TOLERANCE = timedelta(minutes=2)
"""How far a scanner's clock may be ahead of ours."""
CONFIRM_WITHIN = timedelta(days=7)
"""How long after the end the leader's word alone is enough, offline scans are taken, and absences can wait for it."""


def is_open_for_scans(moment: datetime, shift_starts_at: datetime, shift_ends_at: datetime) -> bool:
    """From 2 h before the start to 2 h after the end, both included."""
    return shift_starts_at - SCAN_BEFORE <= moment <= shift_ends_at + SCAN_AFTER


def is_plausible(scanned_at: datetime, now: datetime, signed_up_at: datetime, shift_ends_at: datetime) -> bool:
    """Whether a scanner's own time for a scan can be believed: not in the future, not before the person had signed up,
    and not told long after the shift. (That it lies in the shift's hours is another rule: is_open_for_scans.)"""
    return (
        signed_up_at - CLOCK_TOLERANCE <= scanned_at <= now + CLOCK_TOLERANCE and now <= shift_ends_at + CONFIRM_WITHIN
    )


def assumed_clock_out(clocked_in_at: datetime, shift_ends_at: datetime) -> datetime:
    """When somebody who forgot to clock out is taken to have left: at the end; at once, if they came after it."""
    return max(clocked_in_at, shift_ends_at)
