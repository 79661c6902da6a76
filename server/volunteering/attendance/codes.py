"""What is shown to be scanned, and what it says: the shift's rotating code, and the pass of somebody who signed up."""

import base64
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from server.accounts.queries import require_dependant
from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.database import fetch_one
from server.foundation.errors import NotFound
from server.foundation.ids import is_id
from server.media.drawing.qr import draw_qr
from server.volunteering.access import require_leader_or_staff
from server.volunteering.attendance.errors import NotSignedUp
from server.volunteering.attendance.models import Direction
from server.volunteering.steps import ensure_on, get_shift

CODE_SECONDS = 30
"""A shift's code changes this often; the one before is still taken, for phones that are late."""

_PREFIX = "LS1"
_PURPOSE = "shift_code"
_TICKET_PREFIX = "LP1"
_TICKET_PURPOSE = "shift_pass"


class ShiftCode(msgspec.Struct):
    """A shift's code as text and as a PNG (base64); after `shown_until` the screen asks for the next one."""

    text: str
    direction: Direction
    shown_until: datetime
    picture: str


class ShiftPass(msgspec.Struct):
    """What a signed-up person shows to a scanner, as text and as a PNG (base64); good for this shift alone."""

    text: str
    picture: str


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


def write_pass(sign_up_id: str) -> str:
    """The text of the pass that a signed-up person shows to a scanner; it is good for that sign-up's shift alone."""
    return f"{_TICKET_PREFIX}.{sign_up_id}.{keyring().sign(sign_up_id, _TICKET_PURPOSE)}"


def read_pass(text: str) -> str | None:
    """The sign-up that a pass is for; None when it is none of ours."""
    prefix, _, rest = text.partition(".")
    sign_up_id, _, signature = rest.partition(".")
    if (
        prefix != _TICKET_PREFIX
        or not is_id(sign_up_id)
        or not keyring().verify(sign_up_id, signature, _TICKET_PURPOSE)
    ):
        return None
    return sign_up_id


async def show_shift_code(person_id: str, shift_id: str, direction: Direction) -> ShiftCode:
    """The code to be scanned now; another one every 30 s. Raises NotFound, ShiftOff."""
    shift = await get_shift(shift_id)
    await require_leader_or_staff(person_id, shift)
    ensure_on(shift)
    window = window_at(clock.now())
    text = write_code(shift_id, direction, window)
    return ShiftCode(text, direction, datetime.fromtimestamp(window_end(window), UTC), _picture(text))


async def show_shift_pass(person_id: str, sign_up_id: str) -> ShiftPass:
    """The pass of a confirmed sign-up of one's own, or of somebody one looks after. Raises NotFound, NotSignedUp."""
    row = await fetch_one(
        "SELECT s.person_id, p.state FROM sign_up s JOIN place p ON p.id = s.place_id WHERE s.id = $1", sign_up_id
    )
    if row is None:
        raise NotFound()
    await require_dependant(person_id, row["person_id"])
    if row["state"] not in ("confirmed", "attended", "no_show"):
        raise NotSignedUp()
    text = write_pass(sign_up_id)
    return ShiftPass(text, _picture(text))


def _picture(text: str) -> str:
    return base64.b64encode(draw_qr(text)).decode()
