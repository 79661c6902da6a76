"""What is shown to be scanned: the shift's rotating code, and the pass of somebody who signed up."""

import base64
from datetime import UTC, datetime

import msgspec

from server.accounts.queries import require_dependant
from server.foundation import clock
from server.foundation.database import fetch_one
from server.foundation.errors import NotFound
from server.media.drawing.qr import draw_qr
from server.volunteering.attendance.clocking import ensure_on, get_shift, require_leader_or_staff
from server.volunteering.attendance.models import Direction
from server.volunteering.attendance.rules import window_at, window_end, write_code, write_pass
from server.volunteering.errors import NotSignedUp


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
