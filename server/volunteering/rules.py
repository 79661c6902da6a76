"""Rotating codes, the hours in which they count, and how many minutes attendance is worth."""

from datetime import datetime, timedelta
from typing import NamedTuple

from server.crypto import keyring
from server.ids import is_id
from server.volunteering.models import ActivityKind, Direction

CODE_SECONDS = 30
"""A shift's code changes this often; the one before is still taken, for phones that are late."""
SCAN_BEFORE = timedelta(hours=2)
SCAN_AFTER = timedelta(hours=2)

SERVICE_RULES = {
    ActivityKind.VOLUNTEER: "shift_attended",
    ActivityKind.PARTY_DAY: "party_day_attended",
    ActivityKind.LECTURE: "lecture_attended",
    ActivityKind.COMMUNITY_EVENT: "event_attended",
}
"""By which rule of the service record attendance counts."""

_PREFIX = "LS1"
_PURPOSE = "shift_code"


class ReadCode(NamedTuple):
    """What a genuine code says."""

    shift_id: str
    direction: Direction
    window: int


def window_at(moment: datetime) -> int:
    """The number of the 30 seconds that `moment` lies in."""
    return int(moment.timestamp()) // CODE_SECONDS


def window_end(window: int) -> float:
    """When the code of this window is replaced, in seconds since 1970."""
    return (window + 1) * CODE_SECONDS


def write_code(shift_id: str, direction: Direction, window: int) -> str:
    """The text of a shift's code in one window; only this deployment can make it."""
    message = f"{shift_id}.{direction}.{window}"
    return f"{_PREFIX}.{message}.{keyring().sign(message, _PURPOSE)}"


def read_code(text: str) -> ReadCode | None:
    """What the code says, whenever it was made; None when it is none of ours."""
    parts = text.split(".")
    if len(parts) != 5 or parts[0] != _PREFIX or not is_id(parts[1]) or not parts[3].isdecimal():
        return None
    _, shift_id, direction, window, signature = parts
    if direction not in (Direction.IN, Direction.OUT):
        return None
    if not keyring().verify(f"{shift_id}.{direction}.{window}", signature, _PURPOSE):
        return None
    return ReadCode(shift_id, Direction(direction), int(window))


def is_current(window: int, now: datetime) -> bool:
    """Whether a code of this window is taken at `now`: the running window and the one before."""
    return window_at(now) - 1 <= window <= window_at(now)


class Credit(NamedTuple):
    """Minutes that count, and from when to when."""

    starts_at: datetime
    ends_at: datetime
    minutes: int


def credit(
    shift_starts_at: datetime,
    shift_ends_at: datetime,
    sign_in_at: datetime | None,
    sign_out_at: datetime | None,
    stated_minutes: int | None = None,
) -> Credit | None:
    """What attendance is worth: whole minutes between sign-in and sign-out that lie in the shift.

    Minutes that the leader states replace the measured ones, never beyond the shift's length. None when there is no
    sign-out to measure by and nothing is stated.
    """
    begin = min(max(sign_in_at or shift_starts_at, shift_starts_at), shift_ends_at)
    if stated_minutes is not None:
        minutes = min(stated_minutes, int((shift_ends_at - shift_starts_at).total_seconds()) // 60)
        # Somebody whose sign-in came late but who was there before: their time ends with the shift.
        begin = min(begin, shift_ends_at - timedelta(minutes=minutes))
    elif sign_in_at is None or sign_out_at is None:
        return None
    else:
        minutes = max(0, int((min(sign_out_at, shift_ends_at) - begin).total_seconds()) // 60)
    return Credit(begin, begin + timedelta(minutes=minutes), minutes)
