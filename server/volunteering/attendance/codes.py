"""What is shown to be scanned, and what it says: the shift's rotating code, and the pass of somebody who signed up."""

from datetime import datetime

import msgspec

from server.accounts.queries import require_dependant
from server.foundation import clock
from server.foundation.codes import RotatingCode
from server.foundation.crypto import keyring
from server.foundation.database import fetch_one
from server.foundation.errors import NotFound
from server.media.drawing.qr import qr_as_text
from server.volunteering.access import require_leader_or_staff
from server.volunteering.attendance.errors import NotSignedUp
from server.volunteering.attendance.models import Direction
from server.volunteering.steps import ensure_on, get_shift

SHIFT_CODE = RotatingCode("LS1", "shift_code", seconds=30)
"""Tells the shift and the direction."""
_PREFIX = "LP1"
_PURPOSE = "shift_pass"


class ShiftCode(msgspec.Struct):
    """A shift's code as text and as a PNG (base64); after `shown_until` the screen asks for the next one."""

    code: str
    direction: Direction
    shown_until: datetime
    picture: str


class ShiftPass(msgspec.Struct):
    """What a signed-up person shows to a scanner, as text and as a PNG (base64); good for this shift alone."""

    code: str
    picture: str


def write_pass(sign_up_id: str) -> str:
    """The text of the pass that a signed-up person shows to a scanner; it is good for that sign-up's shift alone."""
    return f"{_PREFIX}.{keyring().write_signed(sign_up_id, _PURPOSE)}"


def read_pass(text: str) -> str | None:
    """The sign-up that a pass is for; None when it is none of ours."""
    prefix, _, signed = text.partition(".")
    return keyring().read_signed(signed, _PURPOSE) if prefix == _PREFIX else None


async def show_shift_code(person_id: str, shift_id: str, direction: Direction) -> ShiftCode:
    """The code to be scanned now; another one every 30 s. Raises NotFound, ShiftOff."""
    shift = await get_shift(shift_id)
    await require_leader_or_staff(person_id, shift)
    ensure_on(shift)
    window = SHIFT_CODE.window_at(clock.now())
    text = SHIFT_CODE.write(window, shift_id, direction)
    return ShiftCode(text, direction, SHIFT_CODE.ends_at(window), _picture(text))


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
    return qr_as_text(text)
